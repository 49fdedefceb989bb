package import NIOCore
internal import NIOPosix

extension RedisClient {
    /// As `send(_:on:)`, on the event loop that the caller runs on if it does, else on any.
    package func send(_ commands: [RedisCommand]) async throws(RedisError) -> [RESPValue] {
        let eventLoop = MultiThreadedEventLoopGroup.currentEventLoop ?? nextSlot().eventLoop
        do {
            return try await send(commands, on: eventLoop).get()
        } catch let error as RedisError {
            throw error
        } catch {
            throw RedisError(code: .unavailable, message: "\(error)")
        }
    }

    /// The reply to one command; what the server refused is thrown with the code `server`.
    package func send(_ command: RedisCommand) async throws(RedisError) -> RESPValue {
        let replies = try await send([command])
        guard let reply = replies.first else {
            throw RedisError(code: .protocolViolation, message: "no reply came")
        }
        if let message = reply.errorMessage { throw RedisError(code: .server, message: message) }
        return reply
    }

    // MARK: Scripts

    /// Runs a Lua script by its hash, and sends its text only when the server does not know it.
    ///
    /// - Returns: what the script returned; an error that it raised is a `RESPValue.error`.
    package func evaluate(
        _ script: RedisScript,
        keys: [String],
        arguments: [ByteBuffer],
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<RESPValue> {
        send([script.command(.hash, keys: keys, arguments: arguments)], on: eventLoop).flatMap { replies in
            guard let reply = replies.first else {
                return eventLoop.makeFailedFuture(RedisError(code: .protocolViolation, message: "no reply came"))
            }
            guard let message = reply.errorMessage, message.hasPrefix("NOSCRIPT") else {
                return eventLoop.makeSucceededFuture(reply)
            }
            return self.send([script.command(.source, keys: keys, arguments: arguments)], on: eventLoop)
                .map { $0.first ?? .null }
        }
    }

    /// As above; an error that the script raised is thrown with the code `server`.
    package func evaluate(
        _ script: RedisScript,
        keys: [String] = [],
        arguments: [ByteBuffer] = []
    ) async throws(RedisError) -> RESPValue {
        do {
            return try await send(script.command(.hash, keys: keys, arguments: arguments))
        } catch let error where error.code == .server && error.message.hasPrefix("NOSCRIPT") {
            return try await send(script.command(.source, keys: keys, arguments: arguments))
        }
    }

    /// For a script that is run seldom: its hash is computed anew each time.
    package func evaluate(
        script: String,
        keys: [String] = [],
        arguments: [ByteBuffer] = []
    ) async throws(RedisError) -> RESPValue {
        try await evaluate(RedisScript(script), keys: keys, arguments: arguments)
    }
}
