package import JSONText
package import NIOCore
package import Observability

/// What a page answers.
package struct AdminResponse: Sendable {
    package enum Body: Sendable {
        case bytes(ByteBuffer)
        /// Written as it comes; it must end when its reader's task is cancelled.
        case stream(AsyncStream<ByteBuffer>)
    }

    package var status: Int
    package var contentType: String
    package var headers: [(name: String, value: String)]
    package var body: Body

    package init(
        status: Int = 200,
        contentType: String,
        headers: [(name: String, value: String)] = [],
        _ body: Body
    ) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
    }

    package static let json = "application/json; charset=utf-8"

    package static func json(status: Int = 200, _ value: JSONValue) -> AdminResponse {
        .json(status: status, ByteBuffer(string: value.jsonText))
    }

    /// A JSON text.
    package static func json(status: Int = 200, _ text: ByteBuffer) -> AdminResponse {
        var text = text
        text.writeStaticString("\n")
        return AdminResponse(status: status, contentType: json, .bytes(text))
    }

    /// In the shape that errors have in the line protocol.
    package static func error(
        status: Int,
        _ code: String,
        _ message: String,
        headers: [(name: String, value: String)] = []
    ) -> AdminResponse {
        let error = JSONValue.object([("code", .string(code)), ("message", .string(message))])
        var response = AdminResponse.json(status: status, .object([("ok", .bool(false)), ("error", error)]))
        response.headers = headers
        return response
    }

    /// 503 where it is unhealthy.
    package static func health(_ report: HealthReport) -> AdminResponse {
        var members: [(key: String, value: JSONValue)] = [("status", .string(report.status.rawValue))]
        if let error = report.error { members.append(("error", .string(error))) }
        for (name, figure) in report.figures { members.append((name, figure.json)) }
        return .json(status: report.status == .unhealthy ? 503 : 200, .object(members))
    }
}

extension HealthReport.Figure {
    fileprivate var json: JSONValue {
        switch self {
        case .text(let text): .string(text)
        case .integer(let number): .number(String(number))
        case .real(let number): .number(String(number))
        case .flag(let flag): .bool(flag)
        case .list(let texts): .array(texts.map { .string($0) })
        }
    }
}
