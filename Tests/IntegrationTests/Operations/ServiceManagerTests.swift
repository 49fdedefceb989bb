import Foundation
import ProcessSupport
import Testing

@Suite("systemd is told: ready, reloading, stopping, alive")
struct ServiceManagerTests {
    @Test("Over a socket in the file system and over an abstract one", arguments: [false, true])
    func life(isAbstract: Bool) async throws {
        try await Site.open { site in
            let path = isAbstract ? "@\(site.name)" : site.folder.appending(path: "notify").path
            let socket = try NotifySocket(path: path)
            let proxy = try await site.proxy(
                ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"],
                file: "[ttl]\ndefault = '1m'"
            )
            var heard: [String] = []
            func hears(_ text: String) async throws -> Bool {
                try await eventually(within: .seconds(5)) {
                    heard += socket.messages()
                    return heard.contains { $0.contains(text) }
                }
            }
            #expect(try await hears("READY=1\nSTATUS=serving on"))
            #expect(try await hears("WATCHDOG=1"))
            heard = []
            try "[postgres]\npool_minimum = 3".write(
                to: site.folder.appending(path: "proxy0.conf"),
                atomically: true,
                encoding: .utf8
            )
            proxy.process.send(signal: SIGHUP)
            #expect(try await hears("RELOADING=1\nMONOTONIC_USEC="))
            #expect(try await hears("; needs a restart for postgres.pool_minimum"))
            #expect(heard.contains { $0.hasPrefix("READY=1\n") })
            heard = []
            proxy.process.send(signal: SIGTERM)
            #expect(try await hears("STOPPING=1"))
            #expect(try await proxy.process.waitForEnd() == .exited(0))
        }
    }

    @Test("A socket that nobody made is no reason not to serve")
    func nobodyListens() async throws {
        try await Site.open { site in
            let proxy = try await site.proxy(["NOTIFY_SOCKET": "/nowhere/at/all"])
            #expect(try await proxy.client().ask("PING").isOK)
        }
    }
}
