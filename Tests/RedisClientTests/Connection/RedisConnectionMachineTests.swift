import NIOCore
import Testing

@testable import RedisClient

@Suite struct RedisConnectionMachineTests {
    private typealias Machine = RedisConnectionMachine<String>

    private let start = NIODeadline.uptimeNanoseconds(0)

    private func machine(limits: RedisPipeline<String>.Limits = RedisPipeline<String>.Limits()) -> Machine {
        Machine(handshake: RedisHandshake(settings: .plain), timeout: .seconds(2), limits: limits)
    }

    private func readyMachine(limits: RedisPipeline<String>.Limits = RedisPipeline<String>.Limits()) -> Machine {
        var machine = machine(limits: limits)
        _ = machine.activated()
        for reply in [
            ServerReplies.hello, ServerReplies.redis7, ServerReplies.replication, ServerReplies.pong,
        ] {
            _ = machine.received(reply)
        }
        return machine
    }

    private func text(_ action: Machine.ReceiveAction) -> String {
        switch action {
        case .none: "none"
        case .send(let commands): "send \(commands.map(\.description))"
        case .ready(let identity): "ready \(identity.runID)"
        case .deliver(let waiter, let replies): "deliver \(waiter) \(replies.count)"
        case .close(let error, let waiters): "close \(error.code) \(waiters)"
        }
    }

    private func text(_ action: Machine.SendAction) -> String {
        switch action {
        case .write: "write"
        case .refuse(let error): "refuse: \(error)"
        }
    }

    private func text(_ action: Machine.TimerAction) -> String {
        switch action {
        case .none: "none"
        case .rearm(let deadline): "rearm \((deadline - start).nanoseconds / 1_000_000)"
        case .close(let error, let waiters): "close \(error.code) \(waiters)"
        }
    }

    @Test func itBecomesReadyByTheHandshake() {
        var machine = machine()
        guard case .send(let hello) = machine.activated() else {
            Issue.record("nothing was sent")
            return
        }
        #expect(hello == [RedisCommand("HELLO", "3")])
        guard case .none = machine.activated() else {
            Issue.record("it was begun twice")
            return
        }
        #expect(
            text(machine.received(ServerReplies.hello))
                == "send [\"INFO with 1 arguments\", \"INFO with 1 arguments\", \"PING with 0 arguments\"]"
        )
        #expect(text(machine.received(ServerReplies.redis7)) == "none")
        #expect(text(machine.received(ServerReplies.replication)) == "none")
        let isReadyEarly = machine.isReady
        #expect(!isReadyEarly)
        #expect(text(machine.received(ServerReplies.pong)) == "ready run-1")
        let isReady = machine.isReady
        #expect(isReady)
    }

    @Test func commandsAreTakenInReadyAlone() {
        var machine = machine()
        #expect(text(machine.send("a", count: 1, bytes: 9, now: start)) == "refuse: not connected to Redis")
        _ = machine.activated()
        #expect(text(machine.send("a", count: 1, bytes: 9, now: start)) == "refuse: not connected to Redis")
        machine = readyMachine()
        #expect(text(machine.send("a", count: 1, bytes: 9, now: start)) == "write")
        #expect(text(machine.close(.closedByPeer)) == "close unavailable [\"a\"]")
        #expect(text(machine.send("b", count: 1, bytes: 9, now: start)) == "refuse: not connected to Redis")
        machine = readyMachine()
        _ = machine.close(.stopped)
        #expect(text(machine.send("b", count: 1, bytes: 9, now: start)) == "refuse: the Redis client was stopped")
    }

    @Test func whatTheServerRefusesDuringTheHandshakeEndsIt() {
        var machine = machine()
        _ = machine.activated()
        #expect(text(machine.received(.error("NOAUTH Authentication required."))) == "close server []")
        #expect(text(machine.received(ServerReplies.ok)) == "none")
        #expect(text(machine.handshakeTimedOut()) == "none")
    }

    @Test func repliesAreDeliveredInOrder() {
        var machine = readyMachine()
        _ = machine.send("a", count: 2, bytes: 9, now: start)
        _ = machine.send("b", count: 1, bytes: 9, now: start)
        #expect(text(machine.received(ServerReplies.ok)) == "none")
        #expect(text(machine.received(.error("ERR x"))) == "deliver a 2")
        #expect(text(machine.received(.null)) == "deliver b 1")
    }

    @Test func aPushIsNobodysReply() {
        var machine = readyMachine()
        _ = machine.send("a", count: 1, bytes: 9, now: start)
        #expect(text(machine.received(.push([ServerReplies.text("invalidate"), .null]))) == "none")
        #expect(text(machine.received(.null)) == "deliver a 1")
    }

    @Test func aReplyThatNobodyWaitsForEndsIt() {
        var machine = readyMachine()
        #expect(text(machine.received(ServerReplies.ok)) == "close protocolViolation []")
        #expect(text(machine.received(ServerReplies.ok)) == "none")
    }

    @Test func aReplyBeforeAnyCommandEndsIt() {
        var machine = machine()
        #expect(text(machine.received(ServerReplies.ok)) == "close protocolViolation []")
    }

    @Test func bytesThatAreNotRESPEndIt() {
        var machine = readyMachine()
        _ = machine.send("a", count: 1, bytes: 9, now: start)
        #expect(text(machine.malformed(.lineTooLong)) == "close protocolViolation [\"a\"]")
        #expect(text(machine.malformed(.lineTooLong)) == "none")
    }

    @Test func theTimerFollowsTheOldestCommand() {
        var machine = readyMachine()
        #expect(machine.nextDeadline == nil)
        _ = machine.send("a", count: 1, bytes: 9, now: start)
        _ = machine.send("b", count: 1, bytes: 9, now: start + .milliseconds(500))
        #expect(machine.nextDeadline == start + .seconds(2))
        #expect(text(machine.received(.null)) == "deliver a 1")
        #expect(text(machine.timerFired(now: start + .seconds(2))) == "rearm 2500")
        #expect(text(machine.received(.null)) == "deliver b 1")
        #expect(text(machine.timerFired(now: start + .milliseconds(2_500))) == "none")
    }

    @Test func aCommandThatIsNotAnsweredInTimeEndsItForAll() {
        var machine = readyMachine()
        _ = machine.send("a", count: 1, bytes: 9, now: start)
        _ = machine.send("b", count: 3, bytes: 9, now: start + .milliseconds(500))
        #expect(text(machine.timerFired(now: start + .seconds(2))) == "close timeout [\"a\", \"b\"]")
        // A late reply finds nobody.
        #expect(text(machine.received(.null)) == "none")
        #expect(text(machine.timerFired(now: start + .seconds(9))) == "none")
    }

    @Test func aHandshakeThatTakesTooLongEndsIt() {
        var machine = machine()
        _ = machine.activated()
        #expect(text(machine.handshakeTimedOut()) == "close unavailable []")
        machine = readyMachine()
        #expect(text(machine.handshakeTimedOut()) == "none")
        let isReady = machine.isReady
        #expect(isReady)
    }

    @Test func tooMuchThatWaitsIsRefused() {
        var machine = readyMachine(limits: RedisPipeline<String>.Limits(commands: 2, bytes: 100))
        #expect(text(machine.send("a", count: 2, bytes: 9, now: start)) == "write")
        #expect(
            text(machine.send("b", count: 1, bytes: 9, now: start))
                == "refuse: too much is waiting for Redis on this connection"
        )
        #expect(text(machine.received(.null)) == "none")
        #expect(text(machine.received(.null)) == "deliver a 2")
        #expect(text(machine.send("b", count: 1, bytes: 9, now: start)) == "write")
    }

    @Test func everyWaiterIsHandedBackOnce() {
        var machine = readyMachine()
        for waiter in ["a", "b", "c"] { _ = machine.send(waiter, count: 1, bytes: 9, now: start) }
        #expect(text(machine.received(.null)) == "deliver a 1")
        #expect(text(machine.close(.closedByPeer)) == "close unavailable [\"b\", \"c\"]")
        #expect(text(machine.close(.stopped)) == "none")
    }
}
