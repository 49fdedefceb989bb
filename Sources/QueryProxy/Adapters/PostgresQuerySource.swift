internal import NIOCore
package import PostgresClient
internal import QueryCache

/// Asks PostgreSQL for a read.
struct PostgresQuerySource: QuerySource {
    let proxy: QueryProxy
    let request: QueryRequest
    let statement: KnownStatement
    /// For whose look-up it is; nil where nothing will be stored.
    var namespace: String?
    /// Milliseconds.
    let timeout: Int64
    /// The schema under which the tags were told that the answer will be stored with; nil where nothing will be stored.
    var schemaVersion: UInt64?
    var executor: (any TaskExecutor)?

    func fetch() async throws -> ByteBuffer {
        // The cache has taken its snapshot by now. Had the schema changed before it did, the tags might miss a table;
        // if it changes later, the snapshot and the generations tell.
        if isOutdated { throw OutdatedPlan() }
        let script = script(expected: statement.expectedDuration)
        return try await proxy.timed(statement, namespace: namespace, size: \.readableBytes) {
            let result = try await proxy.postgres.run(script)[0]
            statement.took(result.duration)
            statement.brought(result.body.readableBytes)
            return result.body
        }
    }

    func fetchDirectly(_ body: @escaping @Sendable (DirectAnswer) -> Void) -> Bool {
        guard let expected = statement.expectedDuration, !isOutdated else { return false }
        let start = ContinuousClock.now
        return proxy.postgres.runDirectly(script(expected: expected), at: start) { result in
            guard let result else { return body(.again) }
            statement.took(result.duration)
            proxy.countFetch(of: statement, namespace, since: start, bytes: result.body.readableBytes)
            body(.body(result.body))
        }
    }

    private var isOutdated: Bool { schemaVersion.map { $0 != proxy.statements.schemaVersion } ?? false }

    private func script(expected: Duration?) -> PostgresScript {
        var script = PostgresScript(steps: [PostgresStep(request, statement, output: .json)])
        script.configure(request.settings, timeout, proxy.settings)
        script.isReadOnly = true
        script.expectedDuration = expected
        return script
    }
}

/// The schema changed between the analysis of a statement and the question to PostgreSQL.
struct OutdatedPlan: Error {}

extension PostgresError: SourceOutage {
    package var isOutage: Bool {
        switch code {
        case .unavailable, .acquireTimeout, .timeout, .connectionLost: true
        case .cancelled, .resultTooLarge, .server, .invalidParameter, .shuttingDown: false
        }
    }
}

extension PostgresStep {
    init(_ request: QueryRequest, _ statement: KnownStatement, output: Output) {
        self.init(sql: request.sql, parameters: request.parameters.map { PostgresParameter($0) })
        self.isPrepared = statement.shouldPrepare()
        self.output = output
        self.planKey = request.settings.planKey
        self.expectedBytes = statement.expectedBytes
    }
}

extension [QuerySetting] {
    /// The settings that a prepared statement keeps from its making: a name stands for another table under another path,
    /// and a constant like `'01/02/2024'::date` is read when the statement is parsed. Settings of the caller's own
    /// (`app.user`) are read at run time, if at all.
    var planKey: String {
        if isEmpty { return "" }
        return lazy.filter { !$0.name.contains(".") }.map { "\($0.name)=\($0.value)" }.joined(separator: "\0")
    }
}

extension PostgresScript {
    mutating func configure(
        _ settings: [QuerySetting],
        until deadline: ContinuousClock.Instant,
        _ limits: QueryProxySettings
    ) {
        configure(settings, 0, limits)
        timeout = max(.zero, ContinuousClock.now.duration(to: deadline))
    }

    mutating func configure(_ settings: [QuerySetting], _ timeout: Int64, _ limits: QueryProxySettings) {
        self.settings = settings.map { ($0.name, $0.value) }
        self.timeout = .milliseconds(timeout)
        self.maximumResultBytes = limits.maximumResultBytes
    }
}

extension PostgresParameter {
    init(_ parameter: QueryParameter) {
        switch parameter {
        case .null: self = .null
        case .text(let text): self = .text(text)
        case .array(let json): self = .array(json: json)
        case .object(let json): self = .object(json: json)
        }
    }
}
