import NIOCore
import Testing

@testable import RedisClient

@Suite struct CircuitBreakerTests {
    private let start = NIODeadline.uptimeNanoseconds(0)

    private func opened(times: Int, every gap: TimeAmount = .seconds(1)) -> CircuitBreaker {
        var breaker = CircuitBreaker()
        for time in 0..<times {
            breaker.timedOut(now: start + .nanoseconds(gap.nanoseconds * Int64(time)))
            if time < times - 1 { breaker.connected(now: start + .nanoseconds(gap.nanoseconds * Int64(time) + 1)) }
            if case .probation = breaker.state { _ = breaker.permit() }
        }
        return breaker
    }

    @Test func closedLetsEverythingPass() {
        var breaker = CircuitBreaker()
        #expect(breaker.permit() == .pass)
        breaker.connected(now: start)
        breaker.trialEnded(answered: false)
        #expect(breaker.state == .closed)
    }

    @Test func aTimeOutOpensAndAConnectionCloses() {
        var breaker = CircuitBreaker()
        breaker.timedOut(now: start)
        #expect(breaker.state == .open)
        #expect(breaker.permit() == .refuse)
        breaker.connected(now: start + .seconds(1))
        #expect(breaker.state == .closed)
        #expect(breaker.permit() == .pass)
    }

    @Test func timeOutsInARowMakeAConnectionProveItself() {
        var breaker = opened(times: 2)
        breaker.connected(now: start + .seconds(2))
        #expect(breaker.state == .probation(isTrialUnderWay: false))
        #expect(breaker.permit() == .trial)
        #expect(breaker.permit() == .refuse)
        breaker.trialEnded(answered: true)
        #expect(breaker.state == .closed)
        // What was proved wipes out what was held against it.
        breaker.timedOut(now: start + .seconds(3))
        breaker.connected(now: start + .seconds(4))
        #expect(breaker.state == .closed)
    }

    @Test func aTrialThatTimesOutOpensAgain() {
        var breaker = opened(times: 2)
        breaker.connected(now: start + .seconds(2))
        #expect(breaker.permit() == .trial)
        breaker.timedOut(now: start + .seconds(3))
        breaker.trialEnded(answered: false)
        #expect(breaker.state == .open)
        breaker.connected(now: start + .seconds(4))
        #expect(breaker.state == .probation(isTrialUnderWay: false))
    }

    @Test func aTrialThatWasLostMakesRoomForAnother() {
        var breaker = opened(times: 2)
        breaker.connected(now: start + .seconds(2))
        #expect(breaker.permit() == .trial)
        breaker.trialEnded(answered: false)
        #expect(breaker.permit() == .trial)
    }

    @Test func anOldTimeOutIsForgotten() {
        var breaker = opened(times: 2, every: .seconds(11))
        breaker.connected(now: start + .seconds(12))
        #expect(breaker.state == .closed)
        // And so are many, when the server was away for long.
        breaker = opened(times: 5)
        breaker.connected(now: start + .seconds(60))
        #expect(breaker.state == .closed)
    }

    @Test func oneStallOfManyConnectionsIsOneTimeOut() {
        var breaker = CircuitBreaker()
        for connection in 0..<8 { breaker.timedOut(now: start + .milliseconds(Int64(connection))) }
        breaker.connected(now: start + .seconds(1))
        #expect(breaker.state == .closed)
    }

    @Test func anotherConnectionDoesNotEndProbation() {
        var breaker = opened(times: 2)
        breaker.connected(now: start + .seconds(2))
        #expect(breaker.permit() == .trial)
        breaker.connected(now: start + .seconds(2))
        #expect(breaker.state == .probation(isTrialUnderWay: true))
    }
}

@Suite struct BackOffTests {
    private func milliseconds(_ amount: TimeAmount) -> Int64 { amount.nanoseconds / 1_000_000 }

    @Test func theWaitDoublesUpToTheCap() {
        var backOff = BackOff(base: .milliseconds(50), cap: .milliseconds(750))
        let waits = (0..<7).map { _ in milliseconds(backOff.next(lifetime: nil, random: 0)) }
        #expect(waits == [25, 50, 100, 200, 375, 375, 375])
    }

    @Test func theWaitIsSpreadOverTheUpperHalf() {
        for random in [0, 0.25, 0.5, 0.999_999] {
            var backOff = BackOff(base: .milliseconds(100), cap: .milliseconds(100))
            let wait = milliseconds(backOff.next(lifetime: nil, random: random))
            #expect(wait == 50 + Int64(50 * random))
        }
    }

    @Test func aConnectionThatLastedBeginsAnew() {
        var backOff = BackOff(base: .milliseconds(50), cap: .milliseconds(750))
        for _ in 0..<5 { _ = backOff.next(lifetime: nil, random: 0) }
        #expect(milliseconds(backOff.next(lifetime: .milliseconds(749), random: 0)) == 375)
        #expect(milliseconds(backOff.next(lifetime: .milliseconds(750), random: 0)) == 25)
        #expect(milliseconds(backOff.next(lifetime: nil, random: 0)) == 50)
    }

    @Test func anyNumberOfFailuresKeepsTheCap() {
        var backOff = BackOff()
        for _ in 0..<1_000 { #expect(backOff.next(lifetime: nil, random: 0.999) <= .milliseconds(750)) }
    }

    @Test func withAnAttemptToConnectItStaysUnderTwoSeconds() throws {
        let configuration = try RedisConfiguration(url: "redis://localhost")
        #expect(configuration.connectTimeout.nanoseconds + BackOff().cap.nanoseconds < 2_000_000_000)
    }
}
