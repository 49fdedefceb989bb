internal import JSONText
package import NIOCore

/// Where an answer came from.
package enum AnswerSource: String, Sendable, CaseIterable {
    case memory, redis, miss, shared, stale, bypass
}

/// Rows, and where they came from.
package struct QueryAnswer: Sendable {
    package var source: AnswerSource
    /// Why nothing was stored, with the culprit behind a colon; only for ``AnswerSource/bypass``.
    package var reason: String?
    /// Milliseconds since PostgreSQL was asked; nil where nothing is stored.
    package var age: Int64?
    /// Milliseconds that are left; nil where nothing is stored.
    package var remaining: Int64?
    /// `"columns":[…],"rows":[…],"row_count":n` and whatever members follow them.
    package var body: ByteBuffer

    package init(
        source: AnswerSource,
        reason: String? = nil,
        age: Int64? = nil,
        remaining: Int64? = nil,
        body: ByteBuffer
    ) {
        self.source = source
        self.reason = reason
        self.age = age
        self.remaining = remaining
        self.body = body
    }
}

/// What goes back for a request: the members of one JSON object, from `"ok"` on. The front end adds the braces and the
/// `id`. A body stays apart so that a large result is sent without another copy.
package enum Response: Sendable {
    case answer(QueryAnswer)
    case failure(ProxyError)
    /// Members that are written already, from `"ok":true` on.
    case members(ByteBuffer)

    /// Writes everything before ``body``, a comma at its end where a body follows.
    package func writeHead(into buffer: inout ByteBuffer) {
        switch self {
        case .answer(let answer): answer.writeHead(into: &buffer)
        case .failure(let error): error.writeMembers(into: &buffer)
        case .members: break
        }
    }

    /// The members behind the head, shared with the cache's entry.
    package var body: ByteBuffer? {
        switch self {
        case .answer(let answer): answer.body
        case .failure: nil
        case .members(let members): members
        }
    }
}

extension QueryAnswer {
    fileprivate func writeHead(into buffer: inout ByteBuffer) {
        buffer.writeStaticString("\"ok\":true,\"cache\":\"")
        buffer.writeString(source.rawValue)
        buffer.writeStaticString("\",")
        if let reason {
            buffer.writeStaticString("\"reason\":")
            buffer.writeJSONString(reason)
            buffer.writeStaticString(",")
        }
        if let age {
            buffer.writeStaticString("\"age_ms\":")
            buffer.writeDecimal(age)
            buffer.writeStaticString(",")
        }
        if let remaining {
            buffer.writeStaticString("\"ttl_ms\":")
            buffer.writeDecimal(remaining)
            buffer.writeStaticString(",")
        }
    }
}
