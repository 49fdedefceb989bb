import JSONText
import ProcessSupport
import Testing

/// Two proxies that hold the same entries, and the judgement whether either serves old rows after a write.
struct Freshness: Sendable {
    /// The one that takes the writes.
    let writer: LineClient
    let other: LineClient

    /// What a read answers: its rows, or PostgreSQL's refusal.
    static func outcome(_ answer: Answer) -> String {
        answer.isOK ? answer.rows : "\(answer.code ?? "?") \(answer.sqlState ?? "")"
    }

    /// Stores a read's answer in Redis and in both memories.
    func fill(_ sql: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let first = try await writer.query(sql)
        #expect(
            ["miss", "memory", "redis", "shared"].contains(first.cache),
            "\(first)",
            sourceLocation: sourceLocation
        )
        for client in [writer, other] {
            _ = try await client.query(sql)
            let answer = try await client.query(sql)
            #expect(answer.origin == "memory", "\(sql): \(answer)", sourceLocation: sourceLocation)
        }
    }

    /// Stores the reads, runs the write, and expects that no one who may know of it serves the old rows: the writer not
    /// at all, the other not to a strict read, and within a second to no read.
    ///
    /// - Parameters:
    ///   - write: a statement, or a whole request where it begins with a brace.
    ///   - changes: whether the rows are expected to differ.
    @discardableResult
    func check(
        _ write: String,
        reads: [String],
        changes: Bool = true,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Answer {
        var before: [String] = []
        for sql in reads {
            try await fill(sql, sourceLocation: sourceLocation)
            before.append(Self.outcome(try await writer.query(sql)))
        }
        let written = try await (write.hasPrefix("{") ? writer.ask(write) : writer.query(write))
        #expect(written.isOK, "\(write): \(written)", sourceLocation: sourceLocation)
        #expect(written.isComplete == true, "\(write): \(written)", sourceLocation: sourceLocation)
        for (sql, old) in zip(reads, before) {
            try await expectFresh(sql, after: write, old: changes ? old : nil, sourceLocation: sourceLocation)
        }
        return written
    }

    /// - Parameters:
    ///   - old: what the read answered before, where it must answer something else now.
    ///   - limit: how soon the other's memory must know.
    func expectFresh(
        _ sql: String,
        after write: String,
        old: String? = nil,
        within limit: Duration = .seconds(1),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let strict = try await other.query(sql, #""consistency":"strict""#)
        let bounded = try await writer.query(sql)
        let truth = Self.outcome(try await writer.query(sql, #""cache":false"#))
        if let old { #expect(truth != old, "\(write) changed nothing", sourceLocation: sourceLocation) }
        #expect(Self.outcome(strict) == truth, "strict elsewhere, after \(write)", sourceLocation: sourceLocation)
        #expect(Self.outcome(bounded) == truth, "bounded on the writer, after \(write)", sourceLocation: sourceLocation)
        let isHeard = try await eventually(within: limit) {
            Self.outcome(try await other.query(sql)) == truth
        }
        #expect(isHeard, "bounded elsewhere, \(limit) after \(write)", sourceLocation: sourceLocation)
    }
}

extension Site {
    func freshness(_ variables: [String: String] = [:]) async throws -> Freshness {
        let (writer, other) = try await pair(variables)
        return Freshness(writer: writer, other: other)
    }
}
