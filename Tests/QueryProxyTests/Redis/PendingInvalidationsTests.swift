import Testing

@testable import QueryCache
@testable import QueryProxy

@Suite struct PendingInvalidationsTests {
    @Test func areAddedUpAndTakenOnce() {
        var pending = PendingInvalidations()
        #expect(pending.isEmpty)
        pending.add(Invalidation(tags: [.table("a"), .user("x")], patterns: ["p:*"]))
        pending.add(Invalidation(tags: [.table("b"), .user("x")], patterns: ["p:*", "q:*"]))
        let taken = pending.takeAll()
        #expect(taken.tags == [.table("a"), .table("b"), .user("x")])
        #expect(taken.patterns == ["p:*", "q:*"])
        #expect(pending.isEmpty && pending.takeAll().isEmpty)
    }

    @Test(arguments: [0, 3]) func moreThanTheLimitIsEverything(patterns: Int) {
        var pending = PendingInvalidations(limit: 5)
        for number in 0..<patterns { pending.add(Invalidation(tags: [], patterns: ["\(number)*"])) }
        for number in patterns..<5 { pending.add(Invalidation(tags: [.user("\(number)")])) }
        #expect(!pending.tags.contains(.epoch))
        pending.add(Invalidation(tags: [.user("one more")]))
        #expect(pending.tags == [.epoch] && pending.patterns.isEmpty)
        pending.add(Invalidation(tags: [.user("again")], patterns: ["*"]))
        #expect(pending.tags == [.epoch] && pending.patterns.isEmpty)
        // The limit holds for what comes after too.
        _ = pending.takeAll()
        for number in 0..<6 { pending.add(Invalidation(tags: [.table("\(number)")])) }
        #expect(pending.takeAll().tags == [.epoch])
    }

    @Test func theEpochSwallowsTheRest() {
        var pending = PendingInvalidations()
        pending.add(Invalidation(tags: [.table("a")], patterns: ["*"]))
        pending.add(Invalidation(tags: [.epoch, .user("x")]))
        #expect(pending.takeAll() == Invalidation(tags: [.epoch]))
    }

    @Test func keysOfTheCacheServiceAreBoundedApart() {
        var pending = PendingInvalidations(limit: 2)
        for key in ["a:1", "a:2", "a:3"] {
            var invalidation = Invalidation(tags: [])
            invalidation.keys = [key]
            pending.add(invalidation)
        }
        pending.add(Invalidation(tags: [.epoch]))
        let taken = pending.takeAll()
        #expect(taken.keys == ["a:1", "a:2"] && taken.tags == [.epoch])
    }
}
