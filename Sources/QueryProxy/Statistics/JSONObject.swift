internal import Foundation
internal import JSONText
internal import NIOCore

/// Writes one JSON object, member by member. A value that is not known is null.
struct JSONObject {
    private var buffer = ByteBuffer(string: "{")

    consuming func finish() -> ByteBuffer {
        buffer.writeStaticString("}")
        return buffer
    }

    private mutating func name(_ name: String) {
        if buffer.readableBytes > 1 { buffer.writeStaticString(",") }
        buffer.writeJSONString(name)
        buffer.writeStaticString(":")
    }

    mutating func text(_ name: String, _ value: String?) {
        self.name(name)
        if let value { buffer.writeJSONString(value) } else { buffer.writeStaticString("null") }
    }

    mutating func number(_ name: String, _ value: Int?) {
        self.name(name)
        if let value { buffer.writeString(String(value)) } else { buffer.writeStaticString("null") }
    }

    mutating func flag(_ name: String, _ value: Bool) {
        self.name(name)
        buffer.writeString(String(value))
    }

    /// With four digits behind the point.
    mutating func ratio(_ name: String, _ value: Double?) {
        self.name(name)
        buffer.writeString(value.flatMap { Self.decimal($0, digits: 4) } ?? "null")
    }

    mutating func milliseconds(_ name: String, _ microseconds: Double?) {
        self.name(name)
        buffer.writeString(microseconds.flatMap { Self.decimal($0 / 1000, digits: 3) } ?? "null")
    }

    /// Whole numbers are written without a point.
    mutating func numbers(_ name: String, _ values: [Double]) {
        self.name(name)
        let texts = values.map { Int(exactly: $0).map { String($0) } ?? String($0) }
        buffer.writeString("[\(texts.joined(separator: ","))]")
    }

    mutating func object(_ name: String, _ body: (inout JSONObject) -> Void) {
        var inner = JSONObject()
        body(&inner)
        raw(name, inner.finish())
    }

    mutating func list<Element>(
        _ name: String,
        _ elements: some Sequence<Element>,
        _ body: (Element, inout JSONObject) -> Void
    ) {
        self.name(name)
        buffer.writeStaticString("[")
        for (index, element) in elements.enumerated() {
            if index > 0 { buffer.writeStaticString(",") }
            var inner = JSONObject()
            body(element, &inner)
            buffer.writeImmutableBuffer(inner.finish())
        }
        buffer.writeStaticString("]")
    }

    /// A value that is JSON already.
    mutating func raw(_ name: String, _ value: ByteBuffer) {
        self.name(name)
        buffer.writeImmutableBuffer(value)
    }

    private static func decimal(_ value: Double, digits: Int) -> String? {
        guard value.isFinite else { return nil }
        let scale = pow(10, Double(digits))
        return String((value * scale).rounded() / scale)
    }
}

extension JSONObject {
    mutating func counts(_ answers: AnswerCounts) {
        number("memory", answers.memory)
        number("redis", answers.redis)
        number("miss", answers.miss)
        number("shared", answers.shared)
        number("stale", answers.stale)
        number("bypass", answers.bypass)
    }

    mutating func causes(_ causes: MissCauses) {
        number("unseen", causes.unseen)
        number("expired", causes.expired)
        number("expired_soon", causes.expiredSoon)
        number("invalidated", causes.invalidated)
        number("too_old", causes.tooOld)
    }
}
