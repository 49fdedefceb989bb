import Foundation
import JSONText
import Testing

/// One proxy's machine is an hour ahead or behind; both share what Redis holds. Ages are told by what is left of a key's
/// time in Redis, so that neither clock counts.
@Suite("Row 49: clocks of two machines differ")
struct ClockTests {
    private static let sql = "SELECT n FROM items"

    /// What makes a process believe that it is another time, of its clocks that count from the machine's start too.
    private static func variables(offset: String) throws -> [String: String] {
        let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib", "/usr/local/lib"]
        let libraries = folders.flatMap { ["\($0)/faketime/libfaketime.so.1", "\($0)/libfaketime.so.1"] }
        let library = try #require(
            libraries.first { FileManager.default.fileExists(atPath: $0) },
            "the package faketime is missing"
        )
        return ["LD_PRELOAD": library, "FAKETIME": offset]
    }

    /// What the library shares between the processes that it is loaded into has been opened; nobody else takes it away.
    private static func tidyUp(after proxy: CisternProcess) {
        for name in ["faketime_shm_", "sem.faketime_sem_"] {
            try? FileManager.default.removeItem(atPath: "/dev/shm/\(name)\(proxy.process.pid)")
        }
    }

    /// Hours between the clock of a proxy, as its log tells it, and this process's.
    private static func hoursOff(_ proxy: CisternProcess) throws -> Double {
        let line = try #require(proxy.log.split(separator: "\n").first { $0.contains("listening") })
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions.insert(.withFractionalSeconds)
        let text = String(try #require(line.split(separator: " ").first))
        let date = try #require(formatter.date(from: text), "\(line)")
        return (date.timeIntervalSinceNow / 3600).rounded()
    }

    @Test("Ages, times to live and max_age_ms are right on both", arguments: ["+3600s", "-3600s"])
    func ages(offset: String) async throws {
        try await Site.open(redis: .own, alone: true) { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS n")
            let off = try await site.proxy(try Self.variables(offset: offset))
            Self.tidyUp(after: off)
            let right = try await site.proxy()
            // The instrument is on.
            #expect(try Self.hoursOff(off) == (offset.hasPrefix("+") ? 1 : -1))
            #expect(try Self.hoursOff(right) == 0)
            for (number, (filler, reader)) in [(off, right), (right, off)].enumerated() {
                try await Self.check(
                    filler: try await filler.client(),
                    reader: try await reader.client(),
                    "SELECT n + \(number) FROM items"
                )
            }
            let freshness = Freshness(writer: try await off.client(), other: try await right.client())
            try await freshness.check("UPDATE items SET n = n + 1", reads: [Self.sql])
            let back = Freshness(writer: freshness.other, other: freshness.writer)
            try await back.check("UPDATE items SET n = n + 1", reads: [Self.sql])
        }
    }

    /// One fills an entry of two seconds, the other reads it.
    private static func check(filler: LineClient, reader: LineClient, _ sql: String) async throws {
        let members = #""ttl":2"#
        let start = ContinuousClock.now
        #expect(try await filler.query(sql, members).origin == "miss")
        try await Task.sleep(for: .milliseconds(300))
        for (client, origin) in [(reader, "redis"), (reader, "memory"), (filler, "memory")] {
            let before = start.duration(to: .now)
            let answer = try await client.query(sql, members)
            let after = start.duration(to: .now)
            #expect(answer.origin == origin, "\(answer)")
            let age = Duration.milliseconds(try #require(answer.age, "\(answer)"))
            let remaining = Duration.milliseconds(try #require(answer.remaining, "\(answer)"))
            // The question was put after the start; the entry's times are whole milliseconds.
            #expect(age <= after + .milliseconds(2), "\(answer) after \(after)")
            #expect(age >= .milliseconds(300 - 2), "\(answer)")
            #expect(remaining <= .seconds(2) - .milliseconds(300) + .milliseconds(2), "\(answer)")
            #expect(age + remaining <= .seconds(2) + .milliseconds(5), "\(answer)")
            #expect(age + remaining >= .seconds(1.8) - .milliseconds(5), "\(answer), asked after \(before)")
        }
        // Younger than it is: PostgreSQL is asked. Older: it is taken.
        let young = try await reader.query(sql, members, #""max_age_ms":100"#)
        #expect(["miss", "shared"].contains(young.origin), "\(young)")
        #expect(try await filler.query(sql, members, #""max_age_ms":60000"#).cache != "miss")
        // Neither serves it past its time.
        let refilled = ContinuousClock.now
        while refilled.duration(to: .now) < .milliseconds(2600) {
            for client in [filler, reader] {
                let answer = try await client.query(sql, members)
                #expect(answer.age ?? 0 <= 2005, "\(answer)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        let end = try await reader.query(sql, members)
        #expect(end.age ?? 0 <= 2005, "\(end)")
    }
}
