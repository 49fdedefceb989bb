import NIOCore
import Testing

@testable import Sessions

/// The table with a clock that stands still until it is told to go on. (`#expect` calls no mutating methods.)
private final class SharedTable {
    private(set) var table: SessionTable
    var now: Int64 = 1_000_000

    init(limit: Int = 100_000, maximumLifetime: Int64? = nil) {
        table = SessionTable(limit: limit, maximumLifetime: maximumLifetime)
    }

    func create(_ user: String = "u", ttl: Int64 = 1000, _ data: String = "{}") -> SessionID? {
        let id = SessionID()
        let draft = SessionDraft(user: SessionUser(user), kind: "sessions", data: ByteBuffer(string: data), ttl: ttl)
        return table.create(id, draft, now: now) == nil ? nil : id
    }

    func session(_ id: SessionID) -> Session? { table.session(id, now: now) }
    func update(_ id: SessionID, _ data: String, ifVersion version: Int64? = nil) -> SessionUpdate {
        table.update(id, data: ByteBuffer(string: data), ifVersion: version, now: now)
    }
    func extend(_ id: SessionID, ttl: Int64? = nil) -> Int64? { table.extend(id, ttl: ttl, now: now) }
    func delete(_ id: SessionID) -> Bool { table.delete(id, now: now) }
    func rotate(_ id: SessionID, to successor: SessionID, ttl: Int64? = nil) -> SessionRotation {
        table.rotate(id, to: successor, ttl: ttl, now: now)
    }
    func list(_ user: String = "u") -> [SessionID] { table.sessions(of: user, now: now).map(\.id) }
    func deleteAll(_ user: String = "u") -> Int { table.deleteAll(of: user, now: now) }
}

@Suite struct SessionTableTests {
    private let table = SharedTable()

    @Test func aSessionLivesForItsTime() throws {
        let id = try #require(table.create())
        table.now += 999
        #expect(table.session(id)?.expiresAt == 1_001_000)
        table.now += 1
        #expect(table.session(id) == nil && table.list().isEmpty && table.table.count == 0)
    }

    @Test func askingMarksAsSeenAndDoesNotExtend() throws {
        let id = try #require(table.create())
        table.now += 600
        #expect(table.session(id)?.lastSeenAt == 1_000_600)
        table.now += 400
        #expect(table.session(id) == nil)
    }

    @Test func extendingSlidesUpToTheLongestLifetime() throws {
        let table = SharedTable(maximumLifetime: 2500)
        let id = try #require(table.create())
        table.now += 900
        // As long as it was made for, if no time is named; a shorter time shortens.
        #expect(table.extend(id) == 1_001_900)
        #expect(table.extend(id, ttl: 10) == 1_000_910)
        #expect(table.extend(id, ttl: 1200) == 1_002_100)
        table.now += 1000
        #expect(table.extend(id) == 1_002_500)
        table.now += 600
        #expect(table.extend(id) == nil)
        // A time that is longer than that is cut at once.
        let long = try #require(table.create(ttl: 10_000))
        #expect(table.session(long)?.expiresAt == table.now + 2500)
    }

    @Test func anUpdateThatComparesLosesAgainstAnother() throws {
        let id = try #require(table.create())
        #expect(table.update(id, "1", ifVersion: 1) == .updated(version: 2))
        #expect(table.update(id, "2", ifVersion: 1) == .conflict(version: 2))
        #expect(table.session(id)?.data == ByteBuffer(string: "1"))
        #expect(table.update(id, "3") == .updated(version: 3))
        #expect(table.update(SessionID(), "4") == .missing)
    }

    @Test func deletedIsGone() throws {
        let (id, other) = (try #require(table.create()), try #require(table.create()))
        #expect(table.delete(id) && !table.delete(id))
        #expect(table.session(id) == nil && table.list() == [other])
    }

    @Test func aUsersSessionsAreListedAndEndedTogether() throws {
        let mine = try (0..<3).map { _ in
            table.now += 1
            return try #require(table.create())
        }
        let others = try #require(table.create("v"))
        #expect(table.list() == mine && table.list("nobody").isEmpty)
        #expect(table.deleteAll() == 3 && table.deleteAll() == 0)
        #expect(table.list().isEmpty && table.session(others) != nil)
    }

    @Test func aReplacedIdIsRefusedAndShowingItAgainEndsTheSession() throws {
        let first = try #require(table.create(ttl: 1000, "[1]"))
        let (second, third) = (first.renewed, first.renewed)
        table.now += 500
        #expect(table.rotate(first, to: second) == .rotated(expiresAt: 1_001_500))
        // The old one is as one that never was, and using it does no harm yet.
        #expect(table.session(first) == nil && table.extend(first) == nil && !table.delete(first))
        #expect(table.update(first, "0") == .missing)
        let kept = try #require(table.session(second))
        #expect(kept.data == ByteBuffer(string: "[1]") && kept.createdAt == 1_000_000 && kept.version == 1)
        #expect(table.rotate(second, to: third) == .rotated(expiresAt: 1_001_500))
        #expect(table.list() == [third])
        // Shown for rotation: whoever holds the third may not be its owner.
        #expect(table.rotate(first, to: first.renewed) == .reused(SessionUser("u")))
        #expect(table.session(third) == nil && table.list().isEmpty)
        #expect(table.rotate(first, to: first.renewed) == .missing)
    }

    @Test func rotatingDoesNotOutliveTheLongestLifetime() throws {
        let table = SharedTable(maximumLifetime: 1500)
        var id = try #require(table.create())
        table.now += 900
        let next = id.renewed
        #expect(table.rotate(id, to: next, ttl: 60_000) == .rotated(expiresAt: 1_001_500))
        id = next
        table.now += 600
        #expect(table.rotate(id, to: id.renewed) == .missing)
    }

    @Test func sessionsThatNobodyMeetsAgainAreForgotten() {
        for _ in 0..<50_000 {
            #expect(table.create(ttl: 10) != nil)
            table.now += 1
        }
        #expect(table.table.count <= 1100)
    }

    @Test func aFullTableRefusesUntilSomeEnd() throws {
        let table = SharedTable(limit: 10)
        for _ in 0..<10 { _ = try #require(table.create()) }
        #expect(table.create() == nil)
        table.now += 1000
        #expect(table.create() != nil)
    }
}
