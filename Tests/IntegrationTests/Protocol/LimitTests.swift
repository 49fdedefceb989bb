import JSONText
import NIOCore
import ProcessSupport
import Testing

@Suite("Limits of the line protocol")
struct LimitTests {
    @Test("A line over the limit is answered with request_too_large, and the connection stays usable")
    func longLines() async throws {
        try await Site.open { site in
            let client = try await site.client()
            let fits = try await client.query(
                "SELECT length($1)",
                "\"params\":[\"\(String(repeating: "x", count: 1_000_000))\"]"
            )
            #expect(fits.rows == "[[1000000]]", "\(fits)")
            for size in [1_048_577, 5_000_000] {
                let answer = try await client.ask(String(repeating: "x", count: size))
                #expect(answer.code == "request_too_large", "\(answer)")
                let next = try await client.query("SELECT 1", #""id":"n""#)
                #expect(next.rows == "[[1]]" && next.json["id"]?.string == "n", "\(next)")
            }
        }
    }

    @Test("Half lines, many in one packet, \\r\\n, empty lines, plain text")
    func framing() async throws {
        try await Site.open { site in
            let client = try await site.client()
            for part in [#"{"sql":"SEL"#, #"ECT 'a"#, #"b'"}"#, "\r", "\n"] { try await client.send(part) }
            #expect(try Answer(await client.nextLine()).rows == #"[["ab"]]"#)
            try await client.send("\n\r\n\nSELECT 1;\nping\n\n{\"op\":\"ping\",\"id\":5}\nSELECT 2")
            // The one with an id may overtake the others, which keep their order.
            var lines = [try await client.nextLine(), try await client.nextLine(), try await client.nextLine()]
            lines.removeAll { $0.contains(#""id":5"#) }
            #expect(lines.first?.contains("[[1]]") == true && lines.last?.contains("pong") == true, "\(lines)")
            try await client.send("\n")
            #expect(try Answer(await client.nextLine()).rows == "[[2]]")
            let mistakes = [
                ("{", nil), (#"{"sql":1,"id":"x"}"#, "sql"), (#"{"id":"x","sql":"SELECT 1","parms":[]}"#, "parms"),
                (#"{"id":"x","sql":"SELECT 1","sql":"SELECT 2"}"#, "sql"), (#"{"op":"nonsense","id":"x"}"#, "nonsense"),
                (#"{"id":"x","sql":"SELECT 1","params":5}"#, "params"), (#"{"id":"x"}"#, "sql"),
                (#"{"id":"x","sql":"SELECT 1","timeout_ms":0}"#, "timeout_ms"),
                (#"{"id":true,"sql":"SELECT 1"}"#, "id"),
            ]
            for (line, name) in mistakes {
                let answer = try await client.ask(line)
                #expect(answer.code == "bad_request", "\(line): \(answer)")
                if let name { #expect(answer.message.contains(name), "\(line): \(answer)") }
                if line.contains(#""id":"x""#) { #expect(answer.json["id"]?.string == "x", "\(line): \(answer)") }
            }
            #expect(try await client.ask("QUIT").isOK)
            #expect(try await client.isClosed())
        }
    }

    @Test("A slow miss does not hold up a hit behind it that has an id; without ids the order is kept")
    func order() async throws {
        try await Site.open { site in
            let client = try await site.client()
            #expect(try await client.query("SELECT 1").isOK)
            try await client.send(
                """
                {"id":"slow","sql":"SELECT pg_sleep(0.3)"}
                {"id":2,"sql":"SELECT 1"}
                {"sql":"SELECT pg_sleep(0.1), 'first'"}
                {"sql":"SELECT 'second'"}
                {"id":3.50,"sql":"SELECT 1"}

                """
            )
            var lines: [String] = []
            for _ in 0..<5 { lines.append(try await client.nextLine()) }
            func place(_ text: String) -> Int { lines.firstIndex { $0.contains(text) } ?? -1 }
            #expect(place(#""id":2,"#) >= 0 && place(#""id":2,"#) < place("slow"), "\(lines)")
            #expect(place(#""id":3.50,"#) >= 0 && place(#""id":3.50,"#) < place("slow"), "\(lines)")
            #expect(place("first") >= 0 && place("first") < place("second"), "\(lines)")
        }
    }

    @Test("One client over max_connections is told so and disconnected; a place that came free is given again")
    func connections() async throws {
        try await Site.open { site in
            let proxy = try await site.proxy(["CISTERN_LISTEN_MAX_CONNECTIONS": "2"])
            // Those that waited for readiness leave first; until then there may be no place for another.
            var one = try await proxy.client()
            while (try? await one.stats()["connections"]?["open"]?.int) != 1 {
                await one.close()
                one = try await proxy.client()
            }
            let two = try await proxy.client()
            #expect(try await two.ask("PING").isOK)
            let three = try await proxy.client()
            let refusal = try Answer(await three.nextLine())
            #expect(refusal.code == "overloaded" && refusal.message.contains("2"), "\(refusal)")
            #expect(try await three.isClosed())
            #expect(try await one.ask("PING").isOK)
            await two.close()
            let isAdmitted = try await eventually(within: .seconds(2)) {
                let four = try await proxy.client()
                let isOK = (try? await four.ask("PING").isOK) == true
                await four.close()
                return isOK
            }
            #expect(isAdmitted)
        }
    }

    @Test("A client that does not read does not make the server's memory grow, and loses nothing")
    func slowReader() async throws {
        try await Site.open { site in
            let proxy = try await site.proxy()
            let client = try await proxy.client()
            let sql = "SELECT repeat('x', 1000000)"
            #expect(try await client.query(sql).isOK)
            let watcher = try await proxy.client()
            let before = proxy.residentBytes
            try await client.stopReading()
            // 400 MB of answers, if all were made.
            client.sendWithoutWaiting(String(repeating: LineClient.request(sql) + "\n", count: 400))
            var most = before
            var requests = -1
            let isHeld = try await eventually(within: .seconds(5)) {
                let now = try await watcher.stats()["requests"]?.int ?? 0
                most = max(most, proxy.residentBytes)
                // Nothing but our own question has come since the last look: it has stopped reading.
                defer { requests = now }
                try await Task.sleep(for: .milliseconds(50))
                return now == requests + 1
            }
            #expect(isHeld)
            #expect(most - before < 60_000_000, "it grew by \((most - before) / 1_000_000) MB")
            await client.close()
            #expect(try await watcher.ask("PING").isOK)
        }
    }

    @Test("More than max_in_flight requests at once: none is dropped, no more run")
    func inFlight() async throws {
        try await Site.open { site in
            let proxy = try await site.proxy(["CISTERN_LISTEN_MAX_IN_FLIGHT": "3"])
            let client = try await proxy.client()
            try await client.send(
                (0..<12).map { "{\"id\":\($0),\"sql\":\"SELECT pg_sleep(0.05), \($0)\"}\n" }.joined()
            )
            let most = try await site.database.value(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = '\(site.name)' AND state = 'active'"
            )
            #expect((most.flatMap { Int($0) } ?? 99) <= 3)
            var ids: Set<Int> = []
            for _ in 0..<12 {
                let answer = try Answer(await client.nextLine())
                #expect(answer.isOK, "\(answer)")
                ids.insert(answer.json["id"]?.int ?? -1)
            }
            #expect(ids == Set(0..<12))
        }
    }
}
