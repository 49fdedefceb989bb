internal import Logging
internal import PostgresClient
internal import QueryCache

extension QueryProxy {
    /// Looks at the catalogs every so often, so that what somebody changed in PostgreSQL itself (a table dropped or altered,
    /// a right revoked, a function replaced) is not served for longer than the interval, until the task is cancelled.
    package func watchSchema(every interval: Duration) async {
        var whole: String?
        var signature: SchemaSignature?
        while !Task.isCancelled {
            if let now = try? await rows(SchemaSignature.wholeQuestion).first?.first ?? nil, now != whole,
                let rows = try? await rows(SchemaSignature.question)
            {
                let new = SchemaSignature(rows: rows)
                if let old = signature { await schemaChanged(old.change(to: new)) }
                whole = now
                signature = new
            }
            try? await Task.sleep(for: interval)
        }
    }

    private func schemaChanged(_ change: SchemaSignature.Change) async {
        var invalidation = Invalidation(tags: [], reason: "schema_changed")
        switch change {
        case .none: return
        case .tables(let tables): invalidation.tags = Tag.changes(to: tables)
        case .everything: invalidation.tags = [.epoch]
        }
        // What is known of statements goes first: an answer filled under old facts dies with the generations below.
        forgetSchema()
        _ = await cache.invalidate(invalidation)
        logger.info("the schema changed", metadata: ["tables": "\(invalidation.tags.map(\.name).sorted())"])
    }

    /// Statements are analysed anew, and prepared anew. For whoever the proxy holds: this does not hold the proxy.
    package var forgetSchema: @Sendable () -> Void {
        { [statements, postgres] in
            statements.forgetFacts()
            postgres.discardPlans()
        }
    }

    private func rows(_ sql: String) async throws -> [[String?]] {
        var step = PostgresStep(sql: sql)
        step.output = .rows
        step.isPrepared = true
        var script = PostgresScript(steps: [step])
        script.timeout = .milliseconds(settings.statementTimeout)
        script.isReadOnly = true
        return try await postgres.run(script)[0].rows
    }
}
