import Testing

@testable import QueryProxy

/// Each kind of advice from figures that give it, and from figures just beside them that do not.
@Suite struct AdviceTests {
    /// A hit rate of 40 %, and no reason for it yet.
    private static func products(_ change: (inout NamespaceFigures) -> Void = { _ in }) -> NamespaceFigures {
        var figures = NamespaceFigures(name: "products", ttl: 300_000)
        figures.answers = AnswerCounts(memory: 300, redis: 100, miss: 600)
        figures.causes = MissCauses(unseen: 600)
        figures.fetching = FetchFigures(count: 600, microseconds: 600 * 5000, bytes: 600 * 100, largest: 100)
        change(&figures)
        return figures
    }

    private static func findings(_ namespaces: NamespaceFigures..., queries: [QueryFigures] = []) -> [Finding] {
        var figures = AdviceFigures()
        figures.namespaces = namespaces
        figures.queries = queries
        return figures.findings
    }

    @Test func nothingIsSaidOfWhatIsWellOrHardlyUsed() {
        #expect(Self.findings(Self.products()).isEmpty)
        let few = Self.products {
            $0.answers = AnswerCounts(miss: 199)
            $0.causes = MissCauses(expired: 199, expiredSoon: 199)
        }
        #expect(Self.findings(few).isEmpty)
    }

    @Test func ttlTooShort() throws {
        let short = Self.products { $0.causes = MissCauses(unseen: 420, expired: 180, expiredSoon: 180) }
        let finding = try #require(Self.findings(short).first)
        #expect(finding.kind == .ttlTooShort && finding.subject == "products")
        #expect(finding.change == Change(place: .proxyConfiguration, text: "[ttl] products = 300 → 900"))
        #expect(finding.figures.contains(Figure("expired_soon", 180)))
        #expect(finding.message.contains("40 %") && finding.message.contains("180 of 600"))
        // One less than 30 % of the misses.
        #expect(Self.findings(Self.products { $0.causes = MissCauses(expired: 600, expiredSoon: 179) }).isEmpty)
        let wellHit = Self.products {
            $0.answers.memory = 800
            $0.causes = MissCauses(expired: 600, expiredSoon: 600)
        }
        #expect(Self.findings(wellHit).isEmpty)
    }

    @Test func writtenTooOften() throws {
        let written = Self.products { $0.causes = MissCauses(unseen: 300, invalidated: 300) }
        let finding = try #require(Self.findings(written).first)
        #expect(finding.kind == .writtenTooOften && finding.change.place == .application)
        #expect(finding.change.text.contains("refresh"))
        let hopeless = Self.products {
            $0.answers = AnswerCounts(memory: 50, miss: 950)
            $0.causes = MissCauses(invalidated: 950)
        }
        let other = try #require(Self.findings(hopeless).first)
        #expect(other.change == Change(place: .proxyConfiguration, text: "[ttl] products = 300 → 0"))
        #expect(Self.findings(Self.products { $0.causes = MissCauses(unseen: 421, invalidated: 179) }).isEmpty)
    }

    @Test func variedParameters() throws {
        var query = QueryFigures(statement: "select * from log where at > ?text", namespace: "products")
        query.answers = AnswerCounts(memory: 100, miss: 300)
        query.causes = MissCauses(unseen: 300)
        query.distinctKeys = 200
        let finding = try #require(Self.findings(queries: [query]).first)
        #expect(finding.kind == .variedParameters && finding.subject == query.statement)
        #expect(finding.change.place == .application)
        query.distinctKeys = 199
        #expect(Self.findings(queries: [query]).isEmpty)
        query.distinctKeys = 200
        query.answers.memory = 600
        #expect(Self.findings(queries: [query]).isEmpty)
    }

    @Test(arguments: [
        ("result_too_large", "[cache] max_entry_bytes = 4194304 → 8388608"),
        ("client_request", "leave out \"cache\":false in the request"),
        ("volatile_function", "call the function in the program and send its value as a parameter"),
    ]) func bypassed(reason: String, change: String) throws {
        var query = QueryFigures(statement: "select big", namespace: "products", answers: AnswerCounts(bypass: 400))
        query.reason = reason
        query.fetching = FetchFigures(count: 400, microseconds: 1, bytes: 1, largest: 5 << 20)
        let left = Self.products {
            $0.answers = AnswerCounts(memory: 500, miss: 100, bypass: 500)
            $0.writes = 100
            $0.reasons = ["write": 100, reason: 390, "system_column": 10]
        }
        let finding = try #require(Self.findings(left, queries: [query]).first)
        #expect(finding.kind == .bypassed && finding.change.text == change)
        #expect(
            finding.message.contains("Of 1000 answers") && finding.message.contains("400 were not")
                && finding.message.contains("select big")
        )
        // Writes cannot be stored: they are no reason for advice.
        let writing = Self.products {
            $0.answers = AnswerCounts(memory: 500, miss: 101, bypass: 500)
            $0.writes = 101
            $0.reasons = ["write": 101, reason: 399]
        }
        #expect(Self.findings(writing, queries: [query]).isEmpty)
    }

    @Test func aTimeToLiveOfNothingIsPointedOut() throws {
        let nothing = Self.products {
            $0.ttl = 0
            $0.answers = AnswerCounts(bypass: 300)
            $0.reasons = ["ttl_zero": 300]
        }
        #expect(try #require(Self.findings(nothing).first).change.text == "[ttl] products = 0 → 300")
        let asked = Self.products {
            $0.answers = AnswerCounts(bypass: 300)
            $0.reasons = ["ttl_zero": 300]
        }
        #expect(try #require(Self.findings(asked).first).change.text == "leave out \"ttl\":0 in the request")
    }

    @Test func costsMoreThanItSaves() throws {
        // 400 hits spared 5 ms each.
        let costly = Self.products { $0.overheadMicroseconds = 2_000_001 }
        let finding = try #require(Self.findings(costly).first)
        #expect(finding.kind == .costsMoreThanItSaves)
        #expect(finding.change.text == "[ttl] products = 300 → 0")
        #expect(Self.findings(Self.products { $0.overheadMicroseconds = 2_000_000 }).isEmpty)
        // What has not been stored long enough to pay is not given up, what is written all the time is.
        let short = Self.products {
            $0.overheadMicroseconds = 2_000_001
            $0.causes = MissCauses(expired: 600, expiredSoon: 600)
        }
        #expect(Self.findings(short).map(\.kind) == [.ttlTooShort])
        let written = Self.products {
            $0.overheadMicroseconds = 2_000_001
            $0.causes = MissCauses(invalidated: 600)
        }
        #expect(Self.findings(written).map(\.kind) == [.writtenTooOften, .costsMoreThanItSaves])
        #expect(Set(Self.findings(written).map(\.change.text)) == ["[ttl] products = 300 → 0"])
    }

    @Test func aNameThatIsNoBareKeyIsQuoted() {
        #expect(Change.ttl("a.b", from: 1500, to: 4500).text == "[ttl] \"a.b\" = \"1500ms\" → \"4500ms\"")
    }
}
