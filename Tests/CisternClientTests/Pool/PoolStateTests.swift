import NIOCore
import Testing

@testable import CisternClient

/// Transcripts: events, and the actions that must follow.
struct PoolStateTests {
    private func at(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(1_000_000_000_000) + .milliseconds(milliseconds)
    }

    private let refused = CisternError(.unreachable, "refused")

    private func pool(_ change: (inout PoolState.Settings) -> Void = { _ in }) -> PoolState {
        var settings = PoolState.Settings()
        settings.maximum = 2
        settings.maximumInFlight = 2
        settings.delay = ReconnectDelay(base: .milliseconds(100), cap: .milliseconds(400))
        change(&settings)
        return PoolState(settings)
    }

    /// A pool with a connection that is open and unused.
    private func running(_ change: (inout PoolState.Settings) -> Void = { _ in }) -> PoolState {
        var pool = pool(change)
        #expect(pool.start(now: at(0)) == [])
        #expect(pool.submit(1, deadline: at(5000), now: at(0)) == .wait([.open(1), .wake(at: at(5000))]))
        #expect(pool.opened(1, limit: 128, now: at(1)) == [.place(1, on: 1)])
        #expect(pool.freed(1, now: at(2)).filter { $0 != .wake(at: at(60_002)) } == [])
        return pool
    }

    @Test func requestsWaitUntilItRuns() {
        var pool = pool()
        #expect(pool.submit(1, deadline: at(5000), now: at(0)) == .wait([.wake(at: at(5000))]))
        #expect(pool.start(now: at(1)) == [.open(1)])
        #expect(pool.opened(1, limit: 128, now: at(2)) == [.place(1, on: 1)])
    }

    @Test func aPoolThatIsNotRunSaysSo() {
        var pool = pool()
        _ = pool.submit(1, deadline: at(5000), now: at(0))
        guard case .fail(1, let error) = pool.tick(now: at(5000)).first else {
            Issue.record("it should have failed")
            return
        }
        #expect(error.code == .noConnection && error.message.contains("run()"))
    }

    @Test func requestsShareAConnectionAndAnotherIsOpenedMeanwhile() {
        var pool = running()
        #expect(pool.submit(2, deadline: at(5000), now: at(3)) == .place(on: 1, then: []))
        #expect(pool.submit(3, deadline: at(5000), now: at(3)) == .place(on: 1, then: [.open(2)]))
        #expect(pool.submit(4, deadline: at(5000), now: at(3)) == .wait([]))
        #expect(pool.opened(2, limit: 128, now: at(4)) == [.place(4, on: 2)])
        // The one with fewer under way.
        #expect(pool.submit(5, deadline: at(5000), now: at(5)) == .place(on: 2, then: []))
        #expect(pool.submit(6, deadline: at(5000), now: at(5)) == .wait([]))
        #expect(pool.inFlight == 4)
        #expect(pool.open == 2)
    }

    @Test func thoseWhoWaitAreServedInTheOrderInWhichTheyCame() {
        var pool = running { $0.maximum = 1 }
        for request in 2...3 { _ = pool.submit(UInt64(request), deadline: at(5000), now: at(3)) }
        for request in 4...6 {
            #expect(pool.submit(UInt64(request), deadline: at(5000), now: at(3)) == .wait([]))
        }
        #expect(pool.freed(1, now: at(4)) == [.place(4, on: 1)])
        #expect(pool.forget(5).wasWaiting)
        #expect(pool.freed(1, now: at(5)) == [.place(6, on: 1)])
        #expect(!pool.forget(6).wasWaiting)
    }

    @Test func theServersLimitAppliesToo() {
        var pool = pool { $0.maximumInFlight = 64 }
        _ = pool.start(now: at(0))
        for request in 1...3 { _ = pool.submit(UInt64(request), deadline: at(5000), now: at(0)) }
        // One place is for the ping.
        #expect(pool.opened(1, limit: 3, now: at(1)) == [.place(1, on: 1), .place(2, on: 1)])
        #expect(pool.opened(2, limit: 1, now: at(1)) == [.place(3, on: 2)])
    }

    @Test func onlySoManyMayWait() {
        var pool = pool { $0.maximumWaiting = 1 }
        _ = pool.start(now: at(0))
        _ = pool.submit(1, deadline: at(5000), now: at(0))
        guard case .fail(let error) = pool.submit(2, deadline: at(5000), now: at(0)) else {
            Issue.record("it should have failed")
            return
        }
        #expect(error.code == .overloaded)
    }

    @Test func attemptsGoOnWithGrowingPausesUntilTheDeadline() {
        var pool = pool()
        _ = pool.start(now: at(0))
        #expect(pool.submit(1, deadline: at(1000), now: at(0)) == .wait([.open(1), .wake(at: at(1000))]))
        #expect(pool.openingFailed(1, refused, now: at(0), random: 0) == [.wake(at: at(50))])
        // Another that comes meanwhile does not hasten it.
        #expect(pool.submit(2, deadline: at(900), now: at(10)) == .wait([]))
        #expect(pool.tick(now: at(50)) == [.open(2), .wake(at: at(900))])
        #expect(pool.openingFailed(2, refused, now: at(60), random: 0) == [.wake(at: at(160))])
        #expect(pool.tick(now: at(160)) == [.open(3), .wake(at: at(900))])
        #expect(pool.openingFailed(3, refused, now: at(160), random: 0.5) == [.wake(at: at(460))])
        #expect(pool.tick(now: at(460)) == [.open(4), .wake(at: at(900))])
        #expect(pool.openingFailed(4, refused, now: at(460), random: 0.5) == [.wake(at: at(760))])
        #expect(pool.tick(now: at(760)) == [.open(5), .wake(at: at(900))])
        #expect(pool.tick(now: at(900)) == [.fail(2, refused), .wake(at: at(1000))])
        #expect(pool.opened(5, limit: 128, now: at(950)).first == .place(1, on: 5))
    }

    @Test func aWrongPasswordIsNotTriedAgainForThoseWhoWait() {
        var pool = pool()
        _ = pool.start(now: at(0))
        _ = pool.submit(1, deadline: at(1000), now: at(0))
        let error = CisternError(.unauthorized, "wrong password")
        #expect(pool.openingFailed(1, error, now: at(1), random: 0) == [.fail(1, error)])
    }

    @Test func aConnectionThatEndsIsReplacedForThoseWhoWait() {
        var pool = running { $0.maximum = 1 }
        for request in 2...4 { _ = pool.submit(UInt64(request), deadline: at(9000), now: at(3)) }
        #expect(pool.ended(1, refused, now: at(2000), random: 0) == [.open(2)])
        #expect(pool.inFlight == 0)
        #expect(pool.opened(2, limit: 128, now: at(2001)) == [.place(4, on: 2)])
        // It is told once.
        #expect(pool.ended(1, refused, now: at(2002), random: 0) == [])
        #expect(pool.freed(1, now: at(2002)) == [])
    }

    @Test func aServerThatHangsUpAtOnceIsNotAskedMoreAndMoreOften() {
        var pool = running { $0.maximum = 1 }
        for request in 2...4 { _ = pool.submit(UInt64(request), deadline: at(9000), now: at(3)) }
        #expect(pool.ended(1, refused, now: at(10), random: 0) == [.wake(at: at(60))])
        #expect(pool.tick(now: at(60)).contains(.open(2)))
    }

    @Test func idleConnectionsOverTheMinimumAreClosed() {
        var pool = running { $0.minimum = 0 }
        #expect(pool.tick(now: at(60_000)) == [.wake(at: at(60_002))])
        #expect(pool.tick(now: at(60_002)) == [.close(1)])
        #expect(pool.open == 0)
        #expect(pool.ended(1, refused, now: at(60_003), random: 0) == [])
    }

    @Test func theMinimumIsOpenedAndKept() {
        var pool = pool { $0.minimum = 2 }
        #expect(pool.start(now: at(0)) == [.open(1), .open(2)])
        _ = pool.opened(1, limit: 128, now: at(1))
        _ = pool.opened(2, limit: 128, now: at(1))
        #expect(!pool.tick(now: at(600_000)).contains { if case .close = $0 { true } else { false } })
        #expect(pool.ended(2, refused, now: at(600_001), random: 0) == [.open(3)])
        #expect(pool.openingFailed(3, refused, now: at(600_002), random: 0) == [.wake(at: at(600_052))])
        #expect(pool.tick(now: at(600_052)).contains(.open(4)))
    }

    @Test func drainingServesWhatWasAskedAndTakesNothingNew() {
        var pool = running { $0.maximum = 1 }
        for request in 2...4 { _ = pool.submit(UInt64(request), deadline: at(5000), now: at(3)) }
        #expect(pool.drain() == [])
        #expect(pool.submit(5, deadline: at(5000), now: at(4)) == .fail(.closed))
        #expect(pool.freed(1, now: at(5)) == [.place(4, on: 1)])
        #expect(pool.freed(1, now: at(6)) == [])
        #expect(pool.freed(1, now: at(7)).contains(.drained))
        #expect(pool.shutDown() == [.close(1)])
    }

    @Test func shuttingDownFailsThoseWhoWaitAndClosesWhatOpensLater() {
        var pool = pool()
        _ = pool.start(now: at(0))
        _ = pool.submit(1, deadline: at(5000), now: at(0))
        #expect(pool.shutDown() == [.fail(1, .closed), .close(1)])
        #expect(pool.opened(1, limit: 128, now: at(1)) == [.close(1)])
        #expect(pool.tick(now: at(6000)) == [])
    }

    /// Any order of events keeps what the pool promises.
    @Test func noConnectionIsEverOverfullAndNobodyWaitsForNothing() {
        for seed in 0..<200 {
            var random = SeededGenerator(seed: UInt64(seed))
            var pool = pool()
            var opening: [Int] = []
            var loads: [Int: Int] = [:]
            var waiting: [UInt64] = []
            var now: Int64 = 0
            func carryOut(_ actions: [PoolState.Action]) {
                for action in actions {
                    switch action {
                    case .open(let id): opening.append(id)
                    case .close(let id): loads[id] = nil
                    case .place(let request, let id):
                        #expect(waiting.first == request)
                        waiting.removeFirst()
                        loads[id, default: 0] += 1
                    case .fail(let request, _): waiting.removeAll { $0 == request }
                    case .wake, .drained: break
                    }
                }
            }
            carryOut(pool.start(now: at(0)))
            for step in 1...300 {
                now += Int64.random(in: 0...20, using: &random)
                switch Int.random(in: 0..<8, using: &random) {
                case 0...2:
                    let request = UInt64(step)
                    waiting.append(request)
                    switch pool.submit(request, deadline: at(now + 500), now: at(now)) {
                    case .place(let id, let actions): carryOut([.place(request, on: id)] + actions)
                    case .wait(let actions): carryOut(actions)
                    case .fail: waiting.removeLast()
                    }
                case 3:
                    guard let id = opening.popLast() else { continue }
                    if Bool.random(using: &random) {
                        loads[id] = 0
                        carryOut(pool.opened(id, limit: 3, now: at(now)))
                    } else {
                        carryOut(pool.openingFailed(id, refused, now: at(now), random: 0.5))
                    }
                case 4, 5:
                    guard let id = loads.keys.sorted().first(where: { loads[$0]! > 0 }) else { continue }
                    loads[id]! -= 1
                    carryOut(pool.freed(id, now: at(now)))
                case 6:
                    guard Int.random(in: 0..<5, using: &random) == 0, let id = loads.keys.min() else { continue }
                    loads[id] = nil
                    carryOut(pool.ended(id, refused, now: at(now), random: 0.5))
                default:
                    carryOut(pool.tick(now: at(now)))
                }
                #expect(loads.values.allSatisfy { $0 <= 2 })
                #expect(loads.count + opening.count <= 2)
                #expect(waiting.isEmpty || loads.values.allSatisfy { $0 == 2 })
                #expect(pool.waiting == waiting.count)
                #expect(pool.inFlight == loads.values.reduce(0, +))
            }
        }
    }
}

struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}
