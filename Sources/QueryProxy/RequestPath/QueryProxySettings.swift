/// What the request path is configured with. Times in milliseconds, sizes in bytes.
package struct QueryProxySettings: Sendable {
    /// Names of PostgreSQL settings that requests may set, in lower case; `app.*` admits every name that begins so.
    package var allowedSettings: [String]
    package var statementTimeout: Int64
    package var maximumStatementTimeout: Int64
    /// A larger answer is an error.
    package var maximumResultBytes: Int
    /// A larger value is not stored by the cache service.
    package var maximumValueBytes: Int
    /// Texts whose analysis is remembered.
    package var rememberedStatements: Int
    package var namespaces: Namespaces
    /// A request that takes longer gets a line in the log; nil writes none.
    package var slowRequest: Int64?
    /// Whether that line holds constants and parameters.
    package var logsParameters = false
    /// Whether what hangs on single rows outlives changes of others.
    package var tellsRowsApart = true
    /// How long a session of the kind `sessions` lives; nil for the time of the namespace of that name.
    package var sessionTTL: Int64?

    package init(
        allowedSettings: [String],
        statementTimeout: Int64,
        maximumStatementTimeout: Int64,
        maximumResultBytes: Int,
        maximumValueBytes: Int,
        rememberedStatements: Int,
        namespaces: Namespaces
    ) {
        self.allowedSettings = allowedSettings
        self.statementTimeout = statementTimeout
        self.maximumStatementTimeout = maximumStatementTimeout
        self.maximumResultBytes = maximumResultBytes
        self.maximumValueBytes = maximumValueBytes
        self.rememberedStatements = rememberedStatements
        self.namespaces = namespaces
    }

    func allows(setting name: String) -> Bool {
        allowedSettings.contains { allowed in
            allowed.hasSuffix("*") ? name.hasPrefix(allowed.dropLast()) && name.count >= allowed.count : name == allowed
        }
    }
}
