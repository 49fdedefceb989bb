internal import JSONText
internal import NIOCore

/// A request whose bytes are written already, with gaps for numbers: sending one copies bytes and writes digits, and
/// allocates nothing.
///
/// Unchecked, because its memory is written before anybody else has it and never again.
final class RequestTemplate: @unchecked Sendable {
    private enum Gap {
        case none
        case key
        /// The key in ten digits, with zeros ahead.
        case paddedKey
        case number(Int, count: Int)
    }

    private struct Piece {
        let start: Int
        let count: Int
        /// Follows the bytes.
        let gap: Gap
    }

    private static let mostDigits = 20

    let isWrite: Bool
    private let bytes: UnsafeMutablePointer<UInt8>
    private let pieces: UnsafeMutablePointer<Piece>
    private let pieceCount: Int
    /// The most bytes that a request takes.
    let capacity: Int

    /// - Parameter parts: texts, and between them what the gaps are filled with.
    private init(isWrite: Bool, parts: [(text: String, gap: Gap)]) {
        self.isWrite = isWrite
        let all = parts.flatMap { Array($0.text.utf8) }
        bytes = .allocate(capacity: max(1, all.count))
        bytes.initialize(from: all, count: all.count)
        pieces = .allocate(capacity: parts.count)
        pieceCount = parts.count
        capacity = all.count + parts.count * Self.mostDigits
        var start = 0
        for (index, part) in parts.enumerated() {
            let count = part.text.utf8.count
            (pieces + index).initialize(to: Piece(start: start, count: count, gap: part.gap))
            start += count
        }
    }

    deinit {
        bytes.deallocate()
        pieces.deallocate()
    }

    /// Writes one request and returns its length. `output` has room for `capacity` bytes.
    @inline(__always)
    func write(key: Int, _ random: inout RandomNumbers, into output: UnsafeMutablePointer<UInt8>) -> Int {
        var length = 0
        for index in 0..<pieceCount {
            let piece = pieces[index]
            (output + length).update(from: bytes + piece.start, count: piece.count)
            length += piece.count
            switch piece.gap {
            case .none: break
            case .key: length += writeDecimal(key, into: output + length)
            case .paddedKey:
                var rest = key
                for place in stride(from: 9, through: 0, by: -1) {
                    output[length + place] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
                    rest /= 10
                }
                length += 10
            case .number(let low, let count):
                length += writeDecimal(low + random.next(below: count), into: output + length)
            }
        }
        return length
    }
}

/// Writes digits and returns how many.
@inline(__always)
func writeDecimal(_ value: Int, into output: UnsafeMutablePointer<UInt8>) -> Int {
    var rest = value.magnitude
    var count = 1
    var limit: UInt = 10
    while count < 19, rest >= limit {
        count += 1
        limit *= 10
    }
    let sign = value < 0 ? 1 : 0
    if value < 0 { output[0] = UInt8(ascii: "-") }
    var index = sign + count
    repeat {
        index -= 1
        output[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
    } while index > sign
    return sign + count
}

extension RequestTemplate {
    /// A line of the line protocol.
    convenience init(line request: Scenario.Request) {
        var parts: [(text: String, gap: Gap)] = []
        var text = "{\"sql\":\(JSONValue.string(request.sql).jsonText)"
        for (index, parameter) in request.parameters.enumerated() {
            text += index == 0 ? ",\"params\":[" : ","
            switch parameter {
            case .literal(let json, _): text += json
            case .key:
                parts.append((text, .key))
                text = ""
            case .number(let range):
                parts.append((text, .number(range.lowerBound, count: range.count)))
                text = ""
            }
        }
        if !request.parameters.isEmpty { text += "]" }
        for (name, json) in request.fields.sorted(by: { $0.key < $1.key }) {
            text += ",\(JSONValue.string(name).jsonText):\(json)"
        }
        parts.append((text + "}\n", .none))
        self.init(isWrite: request.isWrite, parts: parts)
    }

    /// A Redis command on the value of a key: GET for a read, SET for a write.
    convenience init(redis request: Scenario.Request, keyPrefix: String, value: String) {
        self.init(
            isWrite: request.isWrite,
            parts: Self.redis(request.isWrite ? "SET" : "GET", keyPrefix, request.isWrite ? value : nil)
        )
    }

    /// What fills Redis before it is asked.
    static func redisFill(keyPrefix: String, value: String) -> RequestTemplate {
        RequestTemplate(isWrite: true, parts: redis("SET", keyPrefix, value))
    }

    private static func redis(_ name: String, _ prefix: String, _ value: String?) -> [(text: String, gap: Gap)] {
        let head = "*\(value == nil ? 2 : 3)\r\n$3\r\n\(name)\r\n$\(prefix.utf8.count + 10)\r\n\(prefix)"
        let tail = value.map { "\r\n$\($0.utf8.count)\r\n\($0)\r\n" } ?? "\r\n"
        return [(head, .paddedKey), (tail, .none)]
    }

    /// The value of one parameter as text for libpq, ended by a NUL.
    convenience init(parameter: Scenario.Parameter) {
        switch parameter {
        case .key: self.init(isWrite: false, parts: [("", .key), ("\0", .none)])
        case .number(let range):
            self.init(isWrite: false, parts: [("", .number(range.lowerBound, count: range.count)), ("\0", .none)])
        case .literal(_, let text): self.init(isWrite: false, parts: [((text ?? "") + "\0", .none)])
        }
    }

    /// A whole statement with its parameters written in as constants, ended by a NUL: for the simple protocol.
    convenience init(statement request: Scenario.Request) {
        var parts: [(text: String, gap: Gap)] = []
        var text = ""
        var rest = request.sql[...]
        while let dollar = rest.firstIndex(of: "$") {
            let digits = rest[rest.index(after: dollar)...].prefix { $0.isASCII && $0.isNumber }
            text += rest[..<dollar]
            rest = rest[digits.endIndex...]
            guard let number = Int(digits), request.parameters.indices.contains(number - 1) else {
                text += "$" + digits
                continue
            }
            switch request.parameters[number - 1] {
            case .literal(_, let value?):
                text += "'\(value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''"))'"
            case .literal(_, nil): text += "NULL"
            case .key:
                parts.append((text, .key))
                text = ""
            case .number(let range):
                parts.append((text, .number(range.lowerBound, count: range.count)))
                text = ""
            }
        }
        parts.append((text + rest + "\0", .none))
        self.init(isWrite: request.isWrite, parts: parts)
    }
}
