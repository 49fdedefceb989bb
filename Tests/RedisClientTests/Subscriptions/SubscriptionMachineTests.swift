import NIOCore
import Testing

@testable import RedisClient

@Suite struct SubscriptionMachineTests {
    private typealias Action = SubscriptionMachine.Action

    private let start = NIODeadline.uptimeNanoseconds(0)

    private func after(_ milliseconds: Int64) -> NIODeadline { start + .milliseconds(milliseconds) }

    private func machine(_ channels: [String] = ["news"]) -> SubscriptionMachine {
        SubscriptionMachine(
            channels: channels,
            handshake: RedisHandshake(settings: .plain),
            timeout: .seconds(2),
            idle: .seconds(1)
        )
    }

    /// Runs the handshake, and tells what the machine did last.
    private func identify(_ machine: inout SubscriptionMachine) -> Action {
        var last = machine.activated(now: start)
        for reply in [
            ServerReplies.hello, ServerReplies.redis7, ServerReplies.replication, ServerReplies.pong,
        ] {
            last = machine.received(reply, now: start)
        }
        return last
    }

    private func subscribed() -> SubscriptionMachine {
        var machine = machine()
        _ = identify(&machine)
        let action = machine.received(confirmation("news"), now: start)
        #expect(action == .subscribed(ServerReplies.identity))
        return machine
    }

    private func parts(_ texts: String...) -> [RESPValue] { texts.map { ServerReplies.text($0) } }

    private func confirmation(_ channel: String) -> RESPValue { .push(parts("subscribe", channel) + [.integer(1)]) }

    private func message(_ text: String) -> Action {
        .message(channel: "news", ByteBuffer(string: text))
    }

    @Test func itSubscribesOnceTheServerIsKnown() {
        var machine = machine(["news", "more"])
        let hello = machine.activated(now: start)
        #expect(hello == .send([RedisCommand("HELLO", "3")]))
        var action = identify(&machine)
        #expect(action == .send([RedisCommand("SUBSCRIBE", "news", "more")]))
        action = machine.received(confirmation("news"), now: start)
        #expect(action == .none)
        // Not confirmed in full: what comes may be incomplete, and is not told.
        action = machine.received(.push(parts("message", "news", "early")), now: start)
        #expect(action == .none)
        action = machine.received(confirmation("more"), now: start)
        #expect(action == .subscribed(ServerReplies.identity))
        action = machine.received(.push(parts("message", "news", "late")), now: start)
        #expect(action == message("late"))
    }

    @Test func messagesComeInRESP2Too() {
        var machine = machine()
        _ = identify(&machine)
        var action = machine.received(.array(parts("subscribe", "news") + [.integer(1)]), now: start)
        #expect(action == .subscribed(ServerReplies.identity))
        action = machine.received(.array(parts("message", "news", "x")), now: start)
        #expect(action == message("x"))
        action = machine.received(.array(parts("pong", "")), now: start)
        #expect(action == .none)
    }

    @Test func aFailedHandshakeEndsIt() {
        var machine = machine()
        _ = machine.activated(now: start)
        let action = machine.received(.error("NOAUTH"), now: start)
        #expect(action == .close(RedisError(code: .server, message: "NOAUTH")))
    }

    @Test func aRefusedChannelEndsIt() {
        var machine = machine()
        _ = identify(&machine)
        let refusal = "NOPERM this user has no permissions to access one of the channels used as arguments"
        let action = machine.received(.error(refusal), now: start)
        #expect(action == .close(RedisError(code: .server, message: refusal)))
    }

    @Test func silenceIsAskedForASignOfLife() {
        var machine = subscribed()
        var action = machine.tick(now: after(999))
        #expect(action == .none)
        action = machine.tick(now: after(1_000))
        #expect(action == .send([RedisCommand("PING")]))
        action = machine.tick(now: after(2_999))
        #expect(action == .none)
        action = machine.tick(now: after(3_000))
        #expect(action == .close(.noAnswer))
        action = machine.tick(now: after(9_000))
        #expect(action == .none)
    }

    @Test func anythingThatComesIsASignOfLife() {
        for sign in [
            ServerReplies.pong, .push(parts("message", "news", "x")), .array(parts("pong", "")),
            .error("NOPERM this user has no permissions to run the 'ping' command"),
        ] {
            var machine = subscribed()
            var action = machine.tick(now: after(1_000))
            #expect(action == .send([RedisCommand("PING")]))
            action = machine.received(sign, now: after(1_500))
            if case .close = action { Issue.record("\(sign) ended it") }
            action = machine.tick(now: after(2_499))
            #expect(action == .none)
            action = machine.tick(now: after(2_500))
            #expect(action == .send([RedisCommand("PING")]))
        }
    }

    @Test func aConfirmationThatDoesNotComeEndsIt() {
        var machine = machine()
        _ = identify(&machine)
        var action = machine.tick(now: after(1_999))
        #expect(action == .none)
        action = machine.tick(now: after(2_000))
        #expect(action == .close(.noAnswer))
    }

    /// The first confirmation of two is no answer to the second.
    @Test func aConfirmationInPartDoesNotWaitForEver() {
        var machine = machine(["news", "more"])
        _ = identify(&machine)
        var action = machine.received(confirmation("news"), now: after(500))
        #expect(action == .none)
        action = machine.tick(now: after(2_499))
        #expect(action == .none)
        action = machine.tick(now: after(2_500))
        #expect(action == .close(.noAnswer))
    }

    @Test func aHandshakeThatTakesTooLongEndsIt() {
        var machine = machine()
        _ = machine.activated(now: start)
        var action = machine.tick(now: after(60_000))
        #expect(action == .none)
        action = machine.handshakeTimedOut()
        #expect(action == .close(.notReadyInTime))
        var other = subscribed()
        action = other.handshakeTimedOut()
        #expect(action == .none)
    }

    @Test func anEndThatTheServerMakesEndsIt() {
        for value in [
            .push(parts("unsubscribe", "news") + [.integer(0)]),
            RESPValue.error("LOADING Redis is loading the dataset"),
        ] {
            var machine = subscribed()
            guard case .close = machine.received(value, now: start) else {
                Issue.record("\(value) did not end it")
                return
            }
        }
    }

    @Test func afterTheEndNothingIsDone() {
        var machine = subscribed()
        var action = machine.close(.stopped)
        #expect(action == .close(.stopped))
        action = machine.close(.closedByPeer)
        #expect(action == .none)
        action = machine.received(.push(parts("message", "news", "x")), now: start)
        #expect(action == .none)
        action = machine.activated(now: start)
        #expect(action == .none)
        action = machine.handshakeTimedOut()
        #expect(action == .none)
    }

    @Test func whatIsNotUnderstoodIsIgnored() {
        for value: RESPValue in [
            .push([]), .push(parts("message")), .push(parts("message", "news")),
            .push(parts("pmessage", "n*", "news", "x")),
            .push([.null, .null]), .push(parts("message", "news") + [.integer(1)]), .null, .map([]), .integer(1),
            .push(parts("invalidate") + [.null]),
        ] {
            var machine = subscribed()
            let action = machine.received(value, now: start)
            #expect(action == .none)
        }
    }
}
