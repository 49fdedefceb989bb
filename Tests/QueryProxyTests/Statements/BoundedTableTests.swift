import TestSupport
import Testing

@testable import QueryProxy

@Suite struct BoundedTableTests {
    @Test func keepsWhatIsUsedAndForgetsTheRest() {
        var table = BoundedTable<Int, String>(limit: 10)
        table.insert("used", for: -1)
        for number in 0..<1000 {
            table.insert("\(number)", for: number)
            #expect(table.value(for: -1) == "used")
            #expect(table.count <= 10)
        }
        #expect(table.value(for: 0) == nil)
        #expect(table.value(for: 999) == "999")
    }

    @Test func nothingOfTheLastHalfIsLost() {
        var table = BoundedTable<Int, Int>(limit: 100)
        for number in 0..<517 {
            table.insert(number, for: number)
            for recent in max(0, number - 49)...number { #expect(table.value(for: recent) == recent) }
        }
    }

    @Test func theLastValueOfAKeyCounts() {
        var table = BoundedTable<String, Int>(limit: 4)
        table.insert(1, for: "a")
        table.insert(2, for: "b")
        table.insert(3, for: "c")
        // `a` is in the old half now.
        table.insert(4, for: "a")
        #expect(table.value(for: "a") == 4)
        #expect(table.count == 3)
        table.remove("a")
        #expect(table.value(for: "a") == nil)
        table.removeAll()
        #expect(table.count == 0)
    }

    @Test func costsAreBounded() {
        var table = BoundedTable<Int, Int>(limit: 1_000_000, costLimit: 1000)
        var random = SeededNumbers(seed: 7)
        var costs: [Int: Int] = [:]
        for number in 0..<5000 {
            let key = Int.random(in: 0..<200, using: &random)
            let cost = Int.random(in: 0..<600, using: &random)
            costs[key] = cost
            table.insert(number, for: key, cost: cost)
            // What costs more than half is not kept, nor is what it would have replaced.
            #expect((table.value(for: key) == number) == (cost <= 500))
            if number % 100 == 0 {
                let kept = costs.keys.filter { table.contains($0) }.reduce(0) { $0 + costs[$1, default: 0] }
                #expect(kept <= 1000)
            }
        }
    }

    @Test(arguments: [Int.min, -1, 0, 1]) func aLimitOfNothingKeepsLittle(limit: Int) {
        var table = BoundedTable<Int, Int>(limit: limit, costLimit: limit)
        for number in 0..<10 { table.insert(number, for: number) }
        #expect(table.count <= 2)
        table.insert(0, for: 100, cost: 1)
        #expect(table.value(for: 100) == nil)
    }
}

extension BoundedTable {
    /// Whether a key is there; looked up in a copy, so that it counts as no use.
    fileprivate func contains(_ key: Key) -> Bool {
        var copy = self
        return copy.value(for: key) != nil
    }
}
