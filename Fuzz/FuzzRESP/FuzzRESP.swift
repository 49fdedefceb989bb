import FuzzSupport
import NIOCore
import RedisClient

// Any bytes as what a server sends. A trap is a finding, and so is a stream that is read differently when it is cut
// differently: other values, another error, another rest.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let readings = FuzzInput(start, count).cuttings.map { Reading($0) }
    for reading in readings.dropFirst() {
        check(reading.isSame(as: readings[0]), "a cut made a difference")
    }
    return 0
}

private struct Reading {
    /// Small enough to be met by small inputs.
    private static let limits = {
        var limits = RESPLimits()
        limits.bulkLength = 512
        limits.lineLength = 64
        limits.depth = 6
        limits.elements = 48
        return limits
    }()

    private var values: [RESPValue] = []
    private var error: RESPError?
    private var unread = 0

    init(_ pieces: [ArraySlice<UInt8>]) {
        var decoder = RESPDecoder(limits: Reading.limits)
        var buffer = ByteBuffer()
        do {
            for piece in pieces {
                buffer.writeBytes(piece)
                while let value = try decoder.decode(buffer: &buffer) {
                    values.append(value)
                    buffer.discardReadBytes()
                }
            }
            unread = buffer.readableBytes
        } catch let error as RESPError {
            self.error = error
        } catch {
            fatalError("an error of another kind: \(error)")
        }
    }

    func isSame(as other: Reading) -> Bool {
        error == other.error && unread == other.unread && Reading.same(values, other.values)
    }

    private static func same(_ one: [RESPValue], _ other: [RESPValue]) -> Bool {
        one.count == other.count && zip(one, other).allSatisfy(same)
    }

    /// As `==`, but a NaN is the same as itself.
    private static func same(_ one: RESPValue, _ other: RESPValue) -> Bool {
        switch (one, other) {
        case (.double(let one), .double(let other)):
            one.bitPattern == other.bitPattern
        case (.array(let one), .array(let other)), (.set(let one), .set(let other)),
            (.push(let one), .push(let other)):
            same(one, other)
        case (.map(let one), .map(let other)):
            same(one.map(\.key), other.map(\.key)) && same(one.map(\.value), other.map(\.value))
        default:
            one == other
        }
    }
}
