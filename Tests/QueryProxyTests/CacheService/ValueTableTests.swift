import NIOCore
import TestSupport
import Testing

@testable import QueryProxy

/// `#expect` calls no mutating methods.
private final class SharedTable {
    private(set) var table: ValueTable

    init(budget: Int) { table = ValueTable(budget: budget) }

    var count: Int { table.count }
    var bytes: Int { table.bytes }

    func store(_ value: ByteBuffer, at key: String, expiresAt: Int64) -> Bool {
        table.store(value, at: key, expiresAt: expiresAt)
    }
    func value(at key: String, now: Int64) -> StoredValue? { table.value(at: key, now: now) }
    func remove(_ key: String, now: Int64) -> Bool { table.remove(key, now: now) }
    func contains(_ key: String, now: Int64) -> Bool { table.contains(key, now: now) }
    func expire(_ key: String, at time: Int64, now: Int64) -> Bool { table.expire(key, at: time, now: now) }
    func removeAll() { table.removeAll { _ in true } }
}

@Suite struct ValueTableTests {
    private func value(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

    @Test func aValueLivesForItsTime() {
        let table = SharedTable(budget: 10_000)
        #expect(table.store(value("1"), at: "a:1", expiresAt: 100))
        #expect(table.value(at: "a:1", now: 99) == StoredValue(bytes: value("1"), remaining: 1))
        #expect(table.value(at: "a:1", now: 100) == nil)
        #expect(table.count == 0 && table.bytes == 0)
    }

    @Test func theLeastRecentlyUsedMakesRoom() {
        let cost = 3 + value("1").storageCapacity + ValueTable.overhead
        let table = SharedTable(budget: 3 * cost)
        for key in ["a:1", "a:2", "a:3"] { #expect(table.store(value("1"), at: key, expiresAt: 100)) }
        #expect(table.value(at: "a:1", now: 0) != nil)
        #expect(table.store(value("1"), at: "a:4", expiresAt: 100))
        #expect(!table.contains("a:2", now: 0) && table.contains("a:1", now: 0) && table.contains("a:3", now: 0))
        #expect(table.table.evictions == 1 && table.bytes == 3 * cost)
    }

    @Test func whatIsLargerThanTheBudgetIsRefusedAndTheOlderValueIsGone() {
        let table = SharedTable(budget: 1000)
        #expect(table.store(value("1"), at: "a:1", expiresAt: 100))
        #expect(!table.store(value(String(repeating: "1", count: 2000)), at: "a:1", expiresAt: 100))
        #expect(table.count == 0 && table.bytes == 0)
    }

    @Test func keysAreComparedByTheirBytes() {
        let table = SharedTable(budget: 10_000)
        #expect(table.store(value("1"), at: "a:\u{E9}", expiresAt: 100))
        #expect(!table.contains("a:e\u{301}", now: 0))
    }

    /// Against a plain dictionary, with a budget that nothing exceeds.
    @Test func agreesWithADictionary() {
        let table = SharedTable(budget: 1 << 20)
        var model: [String: (value: String, end: Int64)] = [:]
        var random = SeededNumbers(seed: 3)
        for now in Int64(0)..<20_000 {
            let key = "k:\(UInt8.random(in: 0..<40, using: &random))"
            let live = model[key].flatMap { $0.end > now ? $0 : nil }
            let end = now + Int64.random(in: 1...60, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                #expect(table.store(value("\(now)"), at: key, expiresAt: end))
                model[key] = ("\(now)", end)
            case 4..<7: #expect(table.value(at: key, now: now)?.bytes == live.map { value($0.value) })
            case 7:
                #expect(table.remove(key, now: now) == (live != nil))
                model[key] = nil
            case 8:
                #expect(table.expire(key, at: end, now: now) == (live != nil))
                if live != nil { model[key]?.end = end }
            default: #expect(table.contains(key, now: now) == (live != nil))
            }
        }
        table.removeAll()
        #expect(table.count == 0 && table.bytes == 0)
    }
}
