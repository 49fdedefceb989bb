internal import CPrefetch
package import NIOCore

/// A command and its arguments, encoded as they are added.
///
/// The arguments are held as the protocol writes them, so that sending a command is one copy of its bytes (none, for a
/// large one) and costs no allocation per argument.
package struct RedisCommand: Sendable, Equatable {
    /// Everything after the line that gives the number of parts.
    private(set) var body: ByteBuffer
    private(set) var count: Int

    package init(_ name: String, _ arguments: [ByteBuffer]) {
        body = ByteBufferAllocator().buffer(
            capacity: arguments.reduce(name.utf8.count + 16) { $0 + $1.readableBytes + 16 }
        )
        count = 0
        append(name)
        for argument in arguments { append(argument) }
    }

    /// - Parameter capacity: bytes of the longer arguments together; there is room for a few short ones besides.
    package init(_ name: String, capacity: Int) {
        body = ByteBufferAllocator().buffer(capacity: capacity + 64)
        count = 0
        append(name)
    }

    /// The name, then its arguments.
    package init(_ parts: String...) {
        self.init(parts: parts)
    }

    package init(parts: [String]) {
        body = ByteBufferAllocator().buffer(capacity: parts.reduce(0) { $0 + $1.utf8.count + 16 })
        count = 0
        for part in parts { append(part) }
    }

    package mutating func append(_ argument: ByteBuffer) {
        argument.withUnsafeReadableBytes { append($0) }
    }

    package mutating func append(_ argument: String) {
        var argument = argument
        argument.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    package mutating func append(_ argument: Int64) {
        append(String(argument))
    }

    private mutating func append(_ argument: UnsafeRawBufferPointer) {
        append(length: argument.count) { $0.copyMemory(from: argument) }
    }

    /// - Parameter write: fills so many bytes.
    @inline(__always)
    package mutating func append(length: Int, _ write: (UnsafeMutableRawBufferPointer) -> Void) {
        count += 1
        body.writeWithUnsafeMutableBytes(minimumWritableBytes: length + RedisCommand.headerLength + 2) { room in
            let start = RedisCommand.writeLength(length, after: UInt8(ascii: "$"), to: room)
            write(UnsafeMutableRawBufferPointer(rebasing: room[start..<start + length]))
            room[start + length] = 0x0D
            room[start + length + 1] = 0x0A
            return start + length + 2
        }
    }

    /// The bytes of the command in the protocol.
    var encodedLength: Int { body.readableBytes + 8 }

    /// The whole command as the protocol writes it.
    package var encoded: ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: encodedLength)
        encode(into: &buffer)
        return buffer
    }

    func encode(into buffer: inout ByteBuffer) {
        encodeHeader(into: &buffer)
        buffer.writeImmutableBuffer(body)
    }

    func encodeHeader(into buffer: inout ByteBuffer) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.headerLength) {
            Self.writeLength(count, after: UInt8(ascii: "*"), to: $0)
        }
    }
}

/// Commands that are encoded once, to be sent together many times.
package struct RedisBatch: Sendable {
    /// Here as well, since the commands lie elsewhere in memory and are rarely needed.
    let count: Int
    /// An array lies in one piece of memory, which is fetched at once.
    let encoded: [UInt8]
    let commands: [RedisCommand]

    package init(_ commands: [RedisCommand]) {
        self.commands = commands
        count = commands.count
        var encoded = ByteBufferAllocator().buffer(capacity: commands.reduce(0) { $0 + $1.encodedLength })
        for command in commands { command.encode(into: &encoded) }
        self.encoded = Array(encoded.readableBytesView)
    }

    /// Asks the processor for the bytes.
    package func prefetch() {
        encoded.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            // The array's own fields are before its bytes.
            for offset in stride(from: -32, to: 384, by: 64) { cistern_prefetch(start + offset) }
        }
    }
}

extension RedisCommand: CustomStringConvertible {
    /// The name and how many arguments, never what they say.
    package var description: String {
        var rest = body
        guard rest.readableBytes > 0 else { return "empty command" }
        let header = rest.readableBytesView.prefix { $0 != 0x0D }
        let length = Int(String(decoding: header.dropFirst(), as: UTF8.self)) ?? 0
        rest.moveReaderIndex(forwardBy: min(header.count + 2, rest.readableBytes))
        let name = rest.readString(length: min(length, rest.readableBytes)) ?? ""
        return "\(name) with \(count - 1) arguments"
    }
}

extension RedisCommand {
    /// The most bytes that ``writeLength(_:after:to:)`` writes.
    fileprivate static var headerLength: Int { 24 }

    /// Writes a number that is not negative as ASCII digits, between a letter and the line's end, and returns how many bytes
    /// that are.
    @inline(__always)
    fileprivate static func writeLength(
        _ number: Int,
        after letter: UInt8,
        to room: UnsafeMutableRawBufferPointer
    ) -> Int {
        var digits = 1
        var scale = number
        while scale >= 10 {
            scale /= 10
            digits += 1
        }
        room[0] = letter
        var rest = number
        for index in stride(from: digits, through: 1, by: -1) {
            room[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        room[digits + 1] = 0x0D
        room[digits + 2] = 0x0A
        return digits + 3
    }
}
