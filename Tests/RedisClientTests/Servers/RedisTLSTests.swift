import Foundation
import NIOCore
import RedisClient
import Testing

/// Against a server with a certificate that was made for the test alone.
@Suite(
    .enabled(if: RedisFixture.url != nil && Tool.url(of: "openssl") != nil, "openssl is needed"),
    .timeLimit(.minutes(1))
)
struct RedisTLSTests {
    private func withServer(
        asksForCertificate: Bool = false,
        _ body: @escaping @Sendable (_ port: Int, _ certificate: String, _ key: String) async throws -> Void
    ) async throws {
        try await OwnRedisServer.withServer { port, folder in
            try Tool.run(
                "openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-keyout", "key.pem", "-out", "certificate.pem", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                ],
                in: folder
            )
            let certificate = folder.appending(path: "certificate.pem").path
            return [
                "--port", "0", "--tls-port", "\(port)", "--tls-cert-file", certificate,
                "--tls-key-file", folder.appending(path: "key.pem").path, "--tls-ca-cert-file", certificate,
                "--tls-auth-clients", asksForCertificate ? "yes" : "no",
            ]
        } _: { server in
            try await body(
                server.port,
                server.folder.appending(path: "certificate.pem").path,
                server.folder.appending(path: "key.pem").path
            )
        }
    }

    private func expectAnswer(_ url: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await RedisFixture.withClient(url: url) { client async throws in
            let value = ByteBuffer(repeating: UInt8(ascii: "x"), count: 300_000)
            let replies = try await client.send([
                RedisCommand("SET", [ByteBuffer(string: "key"), value]), RedisCommand("GET", "key"),
            ])
            #expect(replies.last?.bytes == value, sourceLocation: sourceLocation)
        }
    }

    private func expectRefusal(_ url: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let observer = RecordingObserver()
        let client = RedisFixture.client(try RedisConfiguration(url: url), observer: observer)
        try await RedisFixture.running(client, isAwaited: false) { _ in
            var announcements = observer.announcements.makeAsyncIterator()
            if case .available = await announcements.next() {
                Issue.record("it was used", sourceLocation: sourceLocation)
            }
        }
    }

    @Test func aServerThatProvesItselfIsUsed() async throws {
        try await withServer { port, certificate, _ in
            // By its name and by its address.
            try await expectAnswer("rediss://localhost:\(port)?cacert=\(certificate)")
            try await expectAnswer("rediss://127.0.0.1:\(port)?cacert=\(certificate)")
        }
    }

    @Test func aServerThatDoesNotProveItselfIsUsedOnlyWhereThatIsAllowed() async throws {
        try await withServer { port, _, _ in
            try await expectAnswer("rediss://localhost:\(port)?insecure=true")
            try await expectRefusal("rediss://localhost:\(port)")
            try await expectRefusal("redis://localhost:\(port)")
        }
    }

    @Test func aCertificateOfTheClientIsShown() async throws {
        try await withServer(asksForCertificate: true) { port, certificate, key in
            try await expectAnswer("rediss://localhost:\(port)?cacert=\(certificate)&cert=\(certificate)&key=\(key)")
            try await expectRefusal("rediss://localhost:\(port)?cacert=\(certificate)")
        }
    }

    @Test func aCertificateThatCannotBeReadLeavesTheClientUnavailable() async throws {
        try await expectRefusal("rediss://localhost:1?cacert=/nosuch/certificate.pem")
    }
}
