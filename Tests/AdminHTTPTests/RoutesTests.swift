import JSONText
import NIOCore
import Observability
import Testing

@testable import AdminHTTP

@Suite struct RoutesTests {
    let fixture = AdminFixture()

    @Test func metricsInTheFormatThatIsAskedFor() async {
        let text = await fixture.get("/metrics")
        #expect(text.contentType == "text/plain; version=0.0.4; charset=utf-8")
        #expect(text.text.hasSuffix("cistern_x_total 1\n"))
        let open = await fixture.get("/metrics", accept: "application/openmetrics-text; version=1.0.0")
        #expect(open.contentType == "application/openmetrics-text; version=1.0.0; charset=utf-8")
        #expect(open.text.hasSuffix("# EOF\n"))
    }

    @Test func healthAsTheReferenceDocumentHasIt() async {
        let redis = await fixture.get("/health/redis")
        #expect(redis.status == 200)
        #expect(redis.text == "{\"status\":\"healthy\",\"memory_used_mb\":1.5}\n")
        let postgres = await fixture.get("/health/postgres")
        #expect(postgres.status == 503)
        #expect(postgres.text == "{\"status\":\"unhealthy\",\"error\":\"it is \\\"away\\\"\"}\n")
        #expect(await fixture.get("/health").status == 200)
        let ready = await fixture.get("/ready")
        #expect(ready.status == 503)
        #expect(ready.text == "{\"status\":\"unhealthy\",\"error\":\"not yet\",\"away\":[\"redis\"]}\n")
        let none = AdminFixture(redis: HealthReport(.disabled))
        #expect(await none.get("/health/redis").status == 200)
    }

    @Test func whatIsNotThereIsSaidInJSON() async throws {
        let missing = await fixture.get("/metric")
        #expect(missing.status == 404)
        #expect(missing.contentType == AdminResponse.json)
        #expect(try JSONValue(parsing: missing.text)["error"]?["code"]?.string == "not_found")
        let posted = await fixture.routes.response(to: AdminRequest("POST", "/metrics"))
        #expect(posted.status == 405)
        #expect(posted.headers.map(\.value) == ["GET, HEAD"])
        let got = await fixture.get("/api/v1/invalidate")
        #expect(got.status == 405)
        #expect(got.headers.map(\.value) == ["POST"])
        #expect(await fixture.routes.response(to: AdminRequest("HEAD", "/metrics")).status == 200)
    }

    @Test func changingTakesTheToken() async {
        let missing = await fixture.invalidate("{}")
        #expect(missing.status == 401)
        #expect(missing.headers.map(\.name) == ["WWW-Authenticate"])
        for wrong in ["Bearer 0123456789abcdeX", "Bearer ", "Basic \(AdminFixture.token)", AdminFixture.token] {
            #expect(await fixture.invalidate("{}", authorization: wrong).status == 401)
        }
        let allowed = await fixture.invalidate("{}", authorization: "Bearer \(AdminFixture.token)")
        #expect(allowed.status == 200)
        #expect(allowed.text == "{\"ok\":true,\"body\":2}\n")
        let refused = await fixture.invalidate("", authorization: "bearer \(AdminFixture.token)")
        #expect(refused.status == 400)
        #expect(refused.text.contains("bad_request"))
    }

    @Test(arguments: [nil, ""]) func withoutATokenNobodyMay(token: String?) async {
        let fixture = AdminFixture(token: token)
        for shown in [nil, "Bearer ", "Bearer x"] {
            let response = await fixture.invalidate("{}", authorization: shown)
            #expect(response.status == 403)
            #expect(response.text.contains("CISTERN_ADMIN_TOKEN"))
        }
    }

    @Test(
        arguments: [
            (nil, true), ("", true), ("127.0.0.1:7480", true), ("127.0.0.1", true), ("localhost:7480", true),
            ("LOCALHOST", true), ("[::1]:7480", true), ("10.1.2.3:1", true),
            ("evil.example:7480", false), ("127.0.0.1.evil.example", false), ("localhost.evil.example", false),
            ("1.2.3", false), ("1.2.3.4.5", false), ("1.2.3.x:80", false), (":7480", false),
        ] as [(String?, Bool)]
    )
    func aNameFromElsewhereIsRefusedOnTheLoopback(host: String?, isAdmitted: Bool) async {
        #expect(await fixture.get("/health", host: host).status == (isAdmitted ? 200 : 403))
    }

    @Test func aServerForOthersGoesByAnyName() async {
        let fixture = AdminFixture(host: "0.0.0.0")
        #expect(await fixture.get("/health", host: "cistern-1:7480").status == 200)
    }

    @Test func theTokenMustBeTheWholeToken() {
        let token = AdminToken("abcabcabcabcabca")
        // As long as it, and longer or shorter with the same beginning over and over.
        #expect(token.judge("Bearer abcabcabcabcabca") == .allowed)
        for wrong in ["abcabcabcabcabcabcabcabcabcabcabca", "abc", "abcabcabcabcabc", "bbcabcabcabcabca"] {
            #expect(token.judge("Bearer \(wrong)") == .wrong)
        }
    }
}
