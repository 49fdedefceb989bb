import Testing

@testable import ProxyConfiguration

@Suite struct DurationTextTests {
    @Test(arguments: [
        ("250ms", 250), ("5s", 5000), ("5m", 300_000), ("1h", 3_600_000), ("7d", 604_800_000), ("1h30m", 5_400_000),
        ("1d2h3m4s5ms", 93_784_005), ("0", 0), ("0s", 0), ("90", 90_000), ("0.5", 500), ("1e2", 100_000),
        ("2.25", 2250),
        ("5 s", 5000), ("1h 30m", 5_400_000), ("90m", 5_400_000), ("36500d", 3_153_600_000_000), ("+5", 5000),
    ])
    func reads(text: String, milliseconds: Int64) throws {
        #expect(try DurationText.parse(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: [
        ("", "must be a duration"), (" ", "must be a duration"), ("s", "must be a duration"),
        ("5x", "must be a duration"), ("5min", "must be a duration"), ("5S", "must be a duration"),
        ("1.5s", "must be a duration"), ("30m1h", "must be a duration"), ("1s1s", "must be a duration"),
        ("1 0s", "must be a duration"), ("5s ,", "must be a duration"), ("1h30", "must be a duration"),
        ("nan", "must be a duration"), ("inf", "must be a duration"), ("0x10", "must be a duration"),
        ("٣s", "must be a duration"), ("-5s", "must not be negative"), ("-1", "must not be negative"),
        ("-0.5", "must not be negative"), ("36501d", "is too long"), ("3153600001", "is too long"),
        ("36500d1ms", "is too long"), ("9223372036854775807", "is too long"), ("9223372036854775807s", "is too long"),
        ("99999999999999999999d", "is too long"), ("1e400", "is too long"), ("1e19", "is too long"),
        ("0.0001", "must be a whole number of milliseconds"), ("1.0005", "must be a whole number of milliseconds"),
    ])
    func refuses(text: String, message: String) {
        #expect { try DurationText.parse(text) } throws: { ($0 as? ValueError)?.message.hasPrefix(message) == true }
    }

    @Test(arguments: [
        (0, "0s"), (1, "1ms"), (1500, "1s500ms"), (60_000, "1m"), (5_400_000, "1h30m"), (604_800_000, "7d"),
        (93_784_005, "1d2h3m4s5ms"),
    ])
    func writesWhatItReads(milliseconds: Int64, text: String) throws {
        #expect(DurationText.format(.milliseconds(milliseconds)) == text)
        #expect(try DurationText.parse(text) == .milliseconds(milliseconds))
    }

    @Test func notANumberIsRefused() {
        #expect(throws: ValueError.self) { try DurationText.duration(seconds: Double.nan) }
        #expect(throws: ValueError.self) { try DurationText.duration(seconds: -Double.infinity) }
    }
}

@Suite struct SizeTextTests {
    @Test(arguments: [
        ("0", 0), ("1", 1), ("123B", 123), ("512kB", 524_288), ("512KiB", 524_288), ("64MB", 67_108_864),
        ("64MiB", 67_108_864), ("64mb", 67_108_864), ("64 MB", 67_108_864), ("1GB", 1_073_741_824),
        ("2TB", 2_199_023_255_552), ("9223372036854775807", Int.max), ("8388607TB", 8_388_607 << 40),
    ])
    func reads(text: String, bytes: Int) throws {
        #expect(try SizeText.parse(text) == bytes)
    }

    @Test(arguments: [
        ("", "must be a size"), ("MB", "must be a size"), ("64MX", "must be a size"), ("1.5GB", "must be a size"),
        ("64M", "must be a size"), ("64MB ", "must be a size"), ("1BiB", "must be a size"), ("5iB", "must be a size"),
        ("0x10", "must be a size"), ("-1", "must not be negative"), ("-64MB", "must not be negative"),
        ("9223372036854775808", "is too large"), ("8388608TB", "is too large"), ("9007199254740992kB", "is too large"),
    ])
    func refuses(text: String, message: String) {
        #expect { try SizeText.parse(text) } throws: { ($0 as? ValueError)?.message.hasPrefix(message) == true }
    }

    @Test(arguments: [
        (0, "0"), (1, "1B"), (1023, "1023B"), (1024, "1kB"), (1536, "1536B"), (67_108_864, "64MB"), (3 << 40, "3TB"),
        (Int.max, "9223372036854775807B"),
    ])
    func writesWhatItReads(bytes: Int, text: String) throws {
        #expect(SizeText.format(bytes) == text)
        #expect(try SizeText.parse(text) == bytes)
    }
}

@Suite struct ListenAddressTests {
    @Test(arguments: [
        ("127.0.0.1:7432", "127.0.0.1", 7432), ("localhost:0", "localhost", 0), ("[::1]:7432", "::1", 7432),
        ("[::]:1", "::", 1), ("[fe80::1%eth0]:80", "fe80::1%eth0", 80), (":7432", "0.0.0.0", 7432),
        ("*:65535", "0.0.0.0", 65_535), (":0", "0.0.0.0", 0), ("my-host_1.example.com:80", "my-host_1.example.com", 80),
    ])
    func reads(text: String, host: String, port: Int) throws {
        let address = try ListenAddress(parsing: text)
        #expect(address == ListenAddress(host: host, port: port))
        #expect(try ListenAddress(parsing: "\(address)") == address)
    }

    @Test(arguments: [
        "", "localhost", "7432", "localhost:", "localhost:65536", "localhost:-1", "localhost:+1", "localhost:http",
        "::1:7432", "::1", "[::1]", "[::1]7432", "[]:7432", "[127.0.0.1]:7432", "[::1:7432", "::1]:7432", "a b:1",
        "http://localhost:80", "[::1]x:80", "[:80", "host: 80", "[fe80::/10]:80",
    ])
    func refuses(text: String) {
        #expect(throws: ValueError.self) { try ListenAddress(parsing: text) }
    }
}

@Suite struct SuggestionTests {
    @Test(arguments: [
        ("pool_sise", "pool_size"), ("poolsize", "pool_size"), ("pool_szie", "pool_size"), ("POOL_SIZE", "pool_size"),
        ("memroy", "memory"), ("urll", "url"),
    ])
    func findsWhatWasMeant(word: String, meant: String) {
        #expect(Suggestion.nearest(to: word, among: ["pool_size", "memory", "url", "jitter"]) == meant)
    }

    @Test(arguments: ["", "colour", "x", String(repeating: "pool_size", count: 100_000)])
    func doesNotGuess(word: String) {
        #expect(Suggestion.nearest(to: word, among: ["pool_size", "memory", "url", "jitter"]) == nil)
    }

    @Test(arguments: [("", "", 0), ("abc", "", 3), ("", "abc", 3), ("abcd", "acbd", 1), ("kitten", "sitting", 3)])
    func countsChanges(first: String, second: String, distance: Int) {
        #expect(Suggestion.distance(first, second) == distance)
    }
}
