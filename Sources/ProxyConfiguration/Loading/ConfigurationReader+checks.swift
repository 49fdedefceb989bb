// What no key can tell alone.

extension ConfigurationReader {
    mutating func check() {
        checkOrder(
            "postgres.statement_timeout",
            DurationText.format(configuration.postgres.statementTimeout),
            "postgres.max_statement_timeout",
            DurationText.format(configuration.postgres.maximumStatementTimeout),
            isRight: configuration.postgres.statementTimeout <= configuration.postgres.maximumStatementTimeout
        )
        checkOrder(
            "postgres.pool_minimum",
            "\(configuration.postgres.poolMinimum)",
            "postgres.pool_size",
            "\(configuration.postgres.poolSize)",
            isRight: configuration.postgres.poolMinimum <= configuration.postgres.poolSize
        )
        checkOrder(
            "cache.max_entry_bytes",
            SizeText.format(configuration.cache.maximumEntryBytes),
            "cache.max_result_bytes",
            SizeText.format(configuration.cache.maximumResultBytes),
            isRight: configuration.cache.maximumEntryBytes <= configuration.cache.maximumResultBytes
        )
        checkTLS()
        checkTables()
    }

    /// The one that was set is at fault; when both were, the smaller.
    private mutating func checkOrder(
        _ smaller: String,
        _ smallerValue: String,
        _ larger: String,
        _ largerValue: String,
        isRight: Bool
    ) {
        guard !isRight, failed.isDisjoint(with: [smaller, larger]) else { return }
        guard let origin = origins[smaller] ?? origins[larger] else { return }
        let names = [smaller, larger].map { $0.split(separator: ".").last.map(String.init) ?? $0 }
        fail("\(names[0]) (\(smallerValue)) must not be more than \(names[1]) (\(largerValue))", at: origin)
    }

    private mutating func checkTLS() {
        let certificate = "listen.tls_certificate"
        let key = "listen.tls_key"
        let listen = configuration.listen
        guard (listen.tlsCertificate == nil) != (listen.tlsKey == nil) else { return }
        let (given, missing) = listen.tlsKey == nil ? (certificate, "tls_key") : (key, "tls_certificate")
        guard failed.isDisjoint(with: [certificate, key]), let origin = origins[given] else { return }
        fail("needs \(missing) as well", at: origin)
    }

    private mutating func checkTables() {
        var owners: [String: String] = [:]
        let named = [ConfigurationSchema.defaultNamespace: configuration.defaultNamespace]
            .merging(configuration.namespaces) { $1 }
            .map { (name: $0.key, tables: $0.value.tables, origin: tablesOrigin(of: $0.key)) }
        // In the order in which they were written, so that the second to claim a table is the one at fault.
        let inOrder = named.sorted { first, second in
            let positions = (first.origin?.position, second.origin?.position)
            guard let position = positions.0, let other = positions.1, position != other else {
                return positions.0 != nil && positions.1 == nil
                    || positions.0 == positions.1 && first.name < second.name
            }
            return position < other
        }
        for namespace in inOrder {
            for table in namespace.tables {
                if let owner = owners[table], let origin = namespace.origin {
                    fail("\(table) belongs to [namespace.\(owner)] already", at: origin)
                } else {
                    owners[table] = namespace.name
                }
            }
        }
    }

    private func tablesOrigin(of namespace: String) -> Origin? {
        origins["\(ConfigurationSchema.namespaceSection).\(namespace).tables"]
    }
}
