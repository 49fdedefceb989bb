internal import JSONText
internal import Logging
internal import SQLAnalysis
internal import Synchronization

/// Writes a line for a request that took longer than the threshold, however it ended.
///
/// The statement is written without its constants, since they may be anybody's; with `log_parameters` it is written as
/// it was sent, with its parameters.
final class SlowRequests: Sendable {
    /// Lines a second.
    private static let limit = 10
    /// Characters of a statement.
    private static let shownCharacters = 1000

    private let throttle = Mutex(LineThrottle(limit: limit))
    private let start = ContinuousClock.now

    func note(
        _ request: ProxyRequest,
        _ response: Response,
        took time: Duration,
        _ settings: QueryProxySettings,
        _ statements: Statements,
        _ logger: Logger
    ) {
        guard let threshold = settings.slowRequest, time >= .milliseconds(threshold) else { return }
        guard logger.logLevel <= .warning, var metadata = metadata(of: request, settings, statements) else { return }
        let second = start.duration(to: .now).components.seconds
        guard let heldBack = throttle.withLock({ $0.admit(in: second) }) else { return }
        metadata["duration_ms"] =
            "\(time.components.seconds * 1000 + time.components.attoseconds / 1_000_000_000_000_000)"
        switch response {
        case .answer(let answer): metadata["cache"] = "\(answer.source.rawValue)"
        case .failure(let error): metadata["error"] = "\(error.code.rawValue)"
        case .members: break
        }
        if heldBack > 0 { metadata["held_back"] = "\(heldBack)" }
        logger.warning("slow query", metadata: metadata)
    }

    /// Nil for requests that are about no statement.
    private func metadata(
        of request: ProxyRequest,
        _ settings: QueryProxySettings,
        _ statements: Statements
    ) -> Logger.Metadata? {
        var metadata: Logger.Metadata = [:]
        var sent: [(sql: String, parameters: [QueryParameter])] = []
        switch request {
        case .query(let query):
            sent = [(query.sql, query.parameters)]
            metadata["ns"] = query.namespace.map { "\($0.prefix(200))" }
        case .transaction(let transaction):
            sent = transaction.statements.map { ($0.sql, $0.parameters) }
        default: return nil
        }
        let texts = sent.map { statement in
            settings.logsParameters ? statement.sql : statements.known(statement.sql)?.shape.shownText ?? ""
        }
        metadata["statement"] = "\(texts.joined(separator: "; ").prefix(Self.shownCharacters))"
        if settings.logsParameters {
            let parameters = sent.map { "[\($0.parameters.map(\.shownText).joined(separator: ", "))]" }
            metadata["parameters"] = "\(parameters.joined(separator: "; ").prefix(Self.shownCharacters))"
        }
        return metadata
    }
}

extension StatementShape {
    /// The statement without its constants. A text of which the parser made nothing may hold them anywhere.
    fileprivate var shownText: String {
        if !fingerprint.isEmpty { return template }
        return "\(canonicalText.prefix { $0.isLetter }) … (\(canonicalText.utf8.count) bytes)"
    }
}

extension QueryParameter {
    fileprivate var shownText: String {
        switch self {
        case .null: "null"
        case .text(let text): JSONValue.string(text).jsonText
        case .array(let json), .object(let json): json
        }
    }
}
