import AdminHTTP
import NIOCore
import Observability
import QueryProxy
import Synchronization

/// Pages over sources that a test makes up.
struct AdminFixture {
    let routes: AdminRoutes

    static let token = "0123456789abcdef"

    init(
        token: String? = AdminFixture.token,
        host: String = "127.0.0.1",
        redis: HealthReport = HealthReport(.healthy, figures: [("memory_used_mb", .real(1.5))])
    ) {
        let sources = AdminSources(
            metrics: { [MetricFamily("cistern_x_total", .counter, "x", .integer(1))] },
            stats: { ByteBuffer(string: #"{"ok":true}"#) },
            configuration: { "[listen]\nline = \"127.0.0.1:7432\"\n" },
            invalidate: { body in
                if body.readableBytes == 0 { return .failure(ProxyError(.badRequest, "nothing is named")) }
                return .members(ByteBuffer(string: "\"ok\":true,\"body\":\(body.readableBytes)"))
            },
            liveness: { HealthReport(.healthy, figures: [("version", .text("1"))]) },
            readiness: { HealthReport(.unhealthy, error: "not yet", figures: [("away", .list(["redis"]))]) },
            redis: HealthProbe(silence: { "silent" }) { redis },
            postgres: HealthProbe(silence: { "silent" }) { HealthReport(.unhealthy, error: "it is \"away\"") }
        )
        routes = AdminRoutes(hosts: HostRule(listeningOn: host), token: AdminToken(token), sources: sources)
    }

    func get(_ path: String, host: String? = nil, accept: String? = nil) async -> AdminResponse {
        await routes.response(to: AdminRequest("GET", path, host: host, accept: accept))
    }

    func invalidate(_ body: String, authorization: String? = nil) async -> AdminResponse {
        await routes.response(
            to: AdminRequest(
                "POST",
                "/api/v1/invalidate",
                authorization: authorization,
                body: ByteBuffer(string: body)
            )
        )
    }
}

extension AdminResponse {
    var text: String {
        switch body {
        case .bytes(let bytes): String(buffer: bytes)
        case .stream: "a stream"
        }
    }
}
