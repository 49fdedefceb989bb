internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// An event loop's place for its direct connection. Used on that loop alone.
final class DirectReads {
    private enum Standing {
        /// None can be had before.
        case closed(until: ContinuousClock.Instant)
        case opening
        case open(DirectConnection, PostgresConnection, identityVersion: UInt64)
    }

    private static let pause = Duration.seconds(1)
    private static let longPause = Duration.seconds(60)

    private var standing = Standing.closed(until: .now)

    /// - Returns: false where the read is to be run elsewhere.
    func take(
        _ read: QuickRead,
        for pool: PostgresPool,
        on eventLoop: any EventLoop,
        at now: ContinuousClock.Instant
    ) -> Bool {
        switch standing {
        case .opening: return false
        case .closed(let until):
            if until <= now, pool.maySpareConnection { open(for: pool, on: eventLoop) }
            return false
        case .open(let direct, let connection, let identityVersion):
            guard identityVersion == pool.identityVersion, !pool.isTooOld(connection, at: now) else {
                // What is on its way comes to its end; the next one opens another.
                if direct.isIdle { direct.end() }
                return false
            }
            return direct.take(read, planVersion: pool.planVersion.load(ordering: .acquiring), at: now)
        }
    }

    var isOpen: Bool { if case .open = standing { true } else { false } }

    /// Gives the connection back where nobody has used it for so long.
    func close(ifUnusedFor time: Duration) {
        guard case .open(let direct, _, _) = standing, direct.isIdle, direct.lastUse + time <= .now else { return }
        direct.end()
    }

    func end() {
        if case .open(let direct, _, _) = standing { direct.end() }
        standing = .closed(until: .now + Self.longPause)
    }

    private func open(for pool: PostgresPool, on eventLoop: any EventLoop) {
        standing = .opening
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.makeFutureWithTask { await pool.lendConnection() }.whenSuccess { loan in
            this.value.connect(loan, for: pool, on: eventLoop)
        }
    }

    private func connect(
        _ loan: PostgresPool.Loan,
        for pool: PostgresPool,
        on eventLoop: any EventLoop
    ) {
        guard case .lent(let connection, let socket, let identityVersion, let cancel) = loan else {
            let pause = if case .encrypted = loan { Self.longPause } else { Self.pause }
            standing = .closed(until: .now + pause)
            return
        }
        let direct = DirectConnection(
            types: pool.types,
            statementLimit: pool.configuration.preparedStatementsPerConnection,
            planVersion: pool.planVersion.load(ordering: .acquiring),
            cancel: cancel,
            // The pool stays for as long as the connection is open, which ends when nobody has used it for a while.
            onEnd: {
                if case .open(_, let open, _) = self.standing, open === connection {
                    self.standing = .closed(until: .now + Self.pause)
                }
                pool.gaveBack(connection)
            }
        )
        let handler = NIOLoopBound(direct, eventLoop: eventLoop)
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler.value) }
            }
            .withConnectedSocket(socket)
            .whenComplete { result in
                switch result {
                case .success where !handler.value.hasEnded:
                    this.value.standing = .open(handler.value, connection, identityVersion: identityVersion)
                case .success, .failure:
                    this.value.standing = .closed(until: .now + Self.longPause)
                    if !handler.value.hasEnded { pool.gaveBack(connection) }
                }
            }
    }
}
