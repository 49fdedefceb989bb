import Foundation
import ProcessSupport
import Testing

@Suite("SIGTERM: what runs is answered, what waits is refused, and none of it takes longer than it may")
struct DrainTests {
    private static func isSleeping(_ seconds: String, in site: Site) async throws -> Bool {
        try await eventually(within: .seconds(5)) {
            try await site.database.value(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE application_name = '\(site.name)' AND query LIKE '%pg_sleep(\(seconds))%' AND state = 'active'
                """
            ) == "1"
        }
    }

    @Test("A request that waits for its turn behind one that runs is told shutting_down")
    func waitingRequest() async throws {
        try await Site.open(redis: .none) { site in
            let proxy = try await site.proxy(["CISTERN_LISTEN_MAX_IN_FLIGHT": "1"])
            let client = try await proxy.client()
            try await client.send("SELECT pg_sleep(0.6), 'ran'\nSELECT 'waited'\n")
            #expect(try await Self.isSleeping("0.6", in: site))
            proxy.process.send(signal: SIGTERM)
            #expect(try Answer(try await client.nextLine()).rows == #"[["","ran"]]"#)
            #expect(try Answer(try await client.nextLine()).code == "shutting_down")
            #expect(try await client.isClosed())
            #expect(try await proxy.process.waitForEnd() == .exited(0))
        }
    }

    @Test("What does not end within drain_timeout is cut off, also a time that was reloaded", arguments: [false, true])
    func bounded(isReloaded: Bool) async throws {
        try await Site.open(redis: .none) { site in
            let proxy = try await site.proxy(file: "[listen]\ndrain_timeout = '\(isReloaded ? "60s" : "300ms")'")
            if isReloaded {
                try "[listen]\ndrain_timeout = '300ms'".write(
                    to: site.folder.appending(path: "proxy0.conf"),
                    atomically: true,
                    encoding: .utf8
                )
                proxy.process.send(signal: SIGHUP)
                #expect(try await eventually(within: .seconds(5)) { proxy.log.contains("was reloaded") })
            }
            let client = try await proxy.client()
            try await client.send("SELECT pg_sleep(25)\n")
            #expect(try await Self.isSleeping("25", in: site))
            proxy.process.send(signal: SIGTERM)
            #expect(try await proxy.process.waitForEnd(within: .seconds(10)) == .exited(0), "\(proxy.log)")
            // Nobody waits for the statement any more, so PostgreSQL is told to stop.
            let isCancelled = try await eventually(within: .seconds(5)) {
                try await site.database.value(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = '\(site.name)' AND state = 'active'"
                ) == "0"
            }
            #expect(isCancelled)
        }
    }
}
