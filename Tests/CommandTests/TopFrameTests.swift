import JSONText
import Testing

@testable import cistern

@Suite struct TopFrameTests {
    private static func sample(
        _ uptime: Int,
        memory: Int,
        miss: Int,
        errors: Int = 0,
        redis: Bool = true
    ) throws -> TopSample {
        TopSample(
            try JSONValue(
                parsing: """
                    {"ok":true,"uptime_ms":\(uptime),"answers":{"memory":\(memory),"redis":0,"miss":\(miss),"shared":0,\
                    "stale":0,"bypass":0},"errors":{"sql_error":\(errors)},"namespaces":{"products":{"memory":\(memory),\
                    "miss":0},"日本":{"memory":0,"miss":\(miss)},"quiet":{"memory":0}},"memory":{"entries":2,"bytes":2048,\
                    "budget_bytes":67108864,"evictions":0,"trusted":\(redis)},"flights":{"under_way":1,"joined":0},\
                    "postgres":{"available":true,"in_use":1,"idle":2,"waiting":3},"redis":{"configured":true,\
                    "available":\(redis),"messages":5,"gaps":0,"heartbeat_ms":1},"connections":{"open":4,"limit":10}}
                    """
            )
        )
    }

    private static var address: ServerAddress { .defaultLine }

    @Test func ratesBetweenTwoSamples() throws {
        var frame = TopFrame(address: Self.address, now: try Self.sample(3000, memory: 400, miss: 100, errors: 4))
        frame.before = try Self.sample(1000, memory: 100, miss: 0)
        let text = frame.text
        #expect(text.contains("answers/s 200   hit rate 75 %   errors/s 2"))
        #expect(text.contains("memory         150    75 %"))
        #expect(text.contains("figures in 2 s"))
        #expect(text.contains("2 kB of 64 MB, 2 entries"))
        #expect(text.contains("1 in use, 2 idle, 3 waiting"))
        #expect(!text.contains("quiet"))
        #expect(text.contains("queries: the HTTP port does not answer"))
    }

    @Test func firstSampleAndRestart() throws {
        var frame = TopFrame(address: Self.address, now: try Self.sample(2000, memory: 10, miss: 0))
        #expect(frame.text.contains("answers/s 5 "))
        #expect(frame.text.contains("since the start"))
        // The server was started anew: counters that went back make no negative rates.
        frame.before = try Self.sample(9000, memory: 1000, miss: 0)
        #expect(frame.text.contains("answers/s 5 "))
    }

    @Test func whatIsAway() throws {
        var frame = TopFrame(address: Self.address, now: try Self.sample(1000, memory: 1, miss: 1, redis: false))
        frame.problem = "nothing listens"
        #expect(frame.text.contains("Redis       cannot be reached"))
        #expect(frame.text.contains("not trusted"))
        #expect(frame.text.contains("nothing listens"))
    }

    @Test func fitsTheScreen() throws {
        var frame = TopFrame(address: Self.address, now: try Self.sample(1000, memory: 1, miss: 1))
        let queries = (0..<50).map {
            #"{"calls":\#($0),"hit_rate":0.5,"statement":"select 日本語\n\#($0) \#(String(repeating: "x", count: 200))"}"#
        }
        frame.queries = try JSONValue(parsing: "{\"queries\":[\(queries.joined(separator: ","))]}")
        frame.width = 60
        for height in [1, 10, 24, 200] {
            frame.height = height
            let lines = frame.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            if height >= 24 { #expect(lines.count == height) }
            #expect(lines.dropFirst(2).allSatisfy { DisplayWidth.of($0) <= 70 })
        }
        frame.height = 24
        let first = frame.text
        for _ in 0..<5 { frame.press(.down) }
        #expect(frame.text != first)
        for _ in 0..<500 { frame.press(.down) }
        #expect(frame.scroll < 100)
        for _ in 0..<500 { frame.press(.up) }
        #expect(frame.text == first)
    }

    @Test func sorting() throws {
        var frame = TopFrame(address: Self.address, now: try Self.sample(1000, memory: 9, miss: 1))
        func order() -> [String] {
            frame.text.split(separator: "\n").filter { $0.hasPrefix("products") || $0.hasPrefix("日本") }.map {
                String($0.prefix(2))
            }
        }
        #expect(order() == ["pr", "日本"])
        frame.press(.sort)
        #expect(order() == ["日本", "pr"])
        frame.press(.sort)
        #expect(order() == ["pr", "日本"])
    }

    @Test func keys() {
        func keys(_ text: String) -> [TopTerminal.Key] { TopTerminal.keys(in: text.utf8) }
        #expect(keys("sq") == [.sort, .quit])
        #expect(keys("\u{1B}[A\u{1B}[B\u{1B}OA\u{1B}[C") == [.up, .down, .up])
        #expect(keys("\u{3}") == [.quit])
        #expect(keys("\u{1B}") == [])
        #expect(keys("xyz") == [])
    }

    @Test func latencies() throws {
        func latency(_ counts: [Int]) -> TopLatency {
            let bounds = ["0.001", "0.01", "+Inf"]
            let lines = zip(bounds, counts).map {
                #"cistern_request_duration_seconds_bucket{source="memory",le="\#($0)"} \#($1)"#
            }
            return TopLatency(
                metrics: "# HELP x y\nother{source=\"memory\",le=\"1\"} 7\n" + lines.joined(separator: "\n")
            )
        }
        let first = latency([90, 98, 100])
        #expect(first.milliseconds(0.5, of: "memory", since: nil) == 1)
        #expect(first.milliseconds(0.95, of: "memory", since: nil) == 10)
        #expect(first.milliseconds(0.99, of: "memory", since: nil) == .infinity)
        #expect(first.milliseconds(0.5, of: "redis", since: nil) == nil)
        // Only what came since counts, unless the counts went back: then the server is another.
        #expect(latency([90, 108, 110]).milliseconds(0.5, of: "memory", since: first) == 10)
        #expect(first.milliseconds(0.5, of: "memory", since: first) == nil)
        #expect(latency([1, 1, 1]).milliseconds(0.5, of: "memory", since: first) == 1)
        #expect(
            [nil, 0.25, 5, 2500, .infinity].map(TopFrame.bound) == ["-", "< 0.25 ms", "< 5 ms", "< 2.5 s", "longer"]
        )
        var frame = TopFrame(address: Self.address, now: try Self.sample(1000, memory: 9, miss: 1))
        frame.latency = first
        #expect(frame.text.contains("p50 < 1 ms"))
    }

    @Test func figures() {
        #expect(
            [0, 0.04, 3.44, 99.9, 870.4, 9999, 12_345, 4_500_000].map(TopFrame.count)
                == ["0", "0", "3.4", "99.9", "870", "9999", "12.3k", "4.5M"]
        )
        #expect(
            [0, 1023, 1024, 1_048_575, 67_108_864].map(TopFrame.size) == ["0 B", "1023 B", "1 kB", "1 MB", "64 MB"]
        )
    }

    @Test func advice() throws {
        let value = try JSONValue(
            parsing: """
                {"findings":[{"kind":"ttl_too_short","subject":"products","message":"62 % of misses\\nagain",\
                "figures":{"misses":12},"change":{"in":"proxy.conf","text":"[ttl] products = 300 → 900"}}],\
                "not_available":[{"what":"pg_stat_statements","why":"not installed"}]}
                """
        )
        #expect(
            AdviceText(value).text == """
                products: 62 % of misses again
                  figures: misses 12
                  change in proxy.conf: [ttl] products = 300 → 900

                not looked at: pg_stat_statements (not installed)

                """
        )
        #expect(AdviceText(.object([])).text == "There is nothing to advise.\n")
    }

    @Test func sessions() throws {
        let list = [try JSONValue(parsing: #"{"session_id":"abcdefghijkl","kind":"session","created_at":"T"}"#)]
        #expect(!SessionText.list(list, isFull: false).contains("abcdefghi"))
        #expect(SessionText.list(list, isFull: false).contains("abcdefgh…"))
        #expect(SessionText.list(list, isFull: true).contains("abcdefghijkl"))
        #expect(SessionText.list([], isFull: false) == "no sessions\n")
    }
}
