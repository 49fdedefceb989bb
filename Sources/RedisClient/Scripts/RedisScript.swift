package import NIOCore

/// A Lua script with the name that Redis gives it. Make it once and keep it.
package struct RedisScript: Sendable, Equatable {
    package let source: String
    /// The SHA-1 of the source, in hexadecimal.
    package let hash: String

    package init(_ source: String) {
        self.source = source
        self.hash = SHA1.hexadecimalDigest(of: source.utf8)
    }

    package enum Form: Sendable {
        case hash
        case source
    }

    package func command(_ form: Form, keys: [String], arguments: [ByteBuffer]) -> RedisCommand {
        var command =
            switch form {
            case .hash: RedisCommand("EVALSHA", hash)
            case .source: RedisCommand("EVAL", source)
            }
        command.append(Int64(keys.count))
        for key in keys { command.append(key) }
        for argument in arguments { command.append(argument) }
        return command
    }
}
