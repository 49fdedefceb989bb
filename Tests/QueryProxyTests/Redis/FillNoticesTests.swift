import NIOCore
import Testing

@testable import QueryProxy

@Suite struct FillNoticesTests {
    private let loop = ManualEventLoop()

    /// Counts the futures that have ended.
    private final class Ended: Sendable {
        private let count = SharedCount()
        var number: Int { count.value }

        func watch(_ future: EventLoopFuture<Void>) {
            future.whenSuccess { self.count.add() }
        }
    }

    @Test func theNoticeEndsTheWaitOfAllWhoWaitForTheKey() {
        let notices = FillNotices(loop)
        let (mine, others) = (Ended(), Ended())
        for _ in 0..<3 { mine.watch(notices.wait(for: "a", atMost: .seconds(2))) }
        others.watch(notices.wait(for: "b", atMost: .seconds(2)))
        notices.filled("a")
        #expect((mine.number, others.number) == (3, 0))
        // Their timers have gone with them.
        #expect(loop.timers == 1)
    }

    @Test func theWaitEndsWithItsTime() {
        let notices = FillNotices(loop)
        let (short, long) = (Ended(), Ended())
        short.watch(notices.wait(for: "a", atMost: .seconds(1)))
        long.watch(notices.wait(for: "a", atMost: .seconds(3)))
        loop.advance(by: .milliseconds(999))
        #expect((short.number, long.number) == (0, 0))
        loop.advance(by: .milliseconds(1))
        #expect((short.number, long.number) == (1, 0))
        notices.filled("a")
        #expect((short.number, long.number) == (1, 1))
        #expect(loop.timers == 0)
    }

    @Test func aNoticeForNobodyIsNotRemembered() {
        let notices = FillNotices(loop)
        notices.filled("a")
        let ended = Ended()
        ended.watch(notices.wait(for: "a", atMost: .seconds(1)))
        #expect(ended.number == 0)
        loop.advance(by: .seconds(1))
        #expect(ended.number == 1)
    }
}
