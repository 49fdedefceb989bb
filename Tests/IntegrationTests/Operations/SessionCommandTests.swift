import Foundation
import JSONText
import Testing

@Suite("The commands that look at sessions and at the HTTP port")
struct SessionCommandTests {
    private static func run(
        _ arguments: [String],
        at proxy: CisternProcess,
        in site: Site
    ) async throws -> (text: String, end: ChildProcess.End) {
        let process = try CisternProcess.launch(
            arguments,
            ["CISTERN_ADDRESS": "127.0.0.1:\(proxy.port)"],
            logFile: site.folder.appending(path: "command-\(UUID().uuidString)")
        )
        let end = try await process.waitForEnd()
        return (process.log, end)
    }

    @Test("Sessions are listed with shortened ids, shown, and ended")
    func sessions() async throws {
        try await Site.open { site in
            let proxy = try await site.proxy()
            let client = try await proxy.client()
            let user = "u-\(site.name)"
            var ids: [String] = []
            for number in 0..<2 {
                let line = #"{"op":"session.create","user_id":"\#(user)","data":{"n":\#(number)}}"#
                ids.append(try #require(try await client.ask(line).json["session_id"]?.string))
            }
            let list = try await Self.run(["sessions", "list", user], at: proxy, in: site)
            #expect(list.end == .exited(0) && list.text.contains("(2 sessions)"), "\(list.text)")
            #expect(ids.allSatisfy { list.text.contains("\($0.prefix(8))…") && !list.text.contains($0) })
            let full = try await Self.run(["sessions", "list", user, "--full"], at: proxy, in: site)
            #expect(ids.allSatisfy { full.text.contains($0) })
            // An id may begin with a dash.
            let one = try await Self.run(["sessions", "show", "--", ids[1]], at: proxy, in: site)
            #expect(one.text.contains("user_id: \(user)") && one.text.contains(#"data: {"n":1}"#), "\(one.text)")
            #expect(try await Self.run(["sessions", "delete", "--", ids[0]], at: proxy, in: site).end == .exited(0))
            #expect(try await Self.run(["sessions", "delete", "--", ids[0]], at: proxy, in: site).end == .exited(1))
            #expect(try await Self.run(["sessions", "show", "--", ids[0]], at: proxy, in: site).end == .exited(1))
            let rest = try await Self.run(["sessions", "delete-user", user], at: proxy, in: site)
            #expect(rest.text == "ended 1 session\n")
            #expect(try await Self.run(["sessions", "list", user], at: proxy, in: site).text == "no sessions\n")
        }
    }

    @Test("advise and top take what the HTTP port says")
    func overHTTP() async throws {
        try await Site.open(redis: .none) { site in
            let port = try await freePort()
            let proxy = try await site.proxy(["CISTERN_LISTEN_HTTP": "127.0.0.1:\(port)"])
            let client = try await proxy.client()
            for _ in 0..<20 { _ = try await client.query("SELECT 'asked often'") }
            let http = ["--http", "127.0.0.1:\(port)"]
            let advice = try await Self.run(["advise"] + http, at: proxy, in: site)
            #expect(advice.end == .exited(0) && !advice.text.isEmpty, "\(advice.text)")
            let json = try await Self.run(["advise", "--json"] + http, at: proxy, in: site)
            #expect(try Answer(json.text.split(separator: "\n").map(String.init)[0]).json["findings"]?.array != nil)
            let frame = try await Self.run(["top", "--once", "--interval", "0.2"] + http, at: proxy, in: site)
            #expect(frame.end == .exited(0) && frame.text.contains("PG mean"), "\(frame.text)")
            #expect(frame.text.contains("p99"))
        }
    }
}
