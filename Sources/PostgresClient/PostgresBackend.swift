/// The server's process behind one connection, told from a later one of the same number by when it began.
package struct PostgresBackend: Sendable, Hashable {
    package let processID: String
    /// Seconds since 1970, as PostgreSQL writes them.
    package let startedAt: String

    static let question = """
        SELECT a.pid::text, EXTRACT(epoch FROM a.backend_start)::text
        FROM pg_catalog.pg_stat_activity AS a WHERE a.pid = pg_catalog.pg_backend_pid()
        """

    init?(rows: [[String?]]) {
        guard let row = rows.first, row.count == 2, let processID = row[0], let startedAt = row[1] else { return nil }
        self.processID = processID
        self.startedAt = startedAt
    }

    /// Ends it. Answers a row as long as it is there.
    package var end: PostgresStep {
        step(answering: "pg_catalog.pg_terminate_backend(a.pid)::text")
    }

    /// Answers a row as long as it is there.
    package var look: PostgresStep {
        step(answering: "a.pid::text")
    }

    private func step(answering column: String) -> PostgresStep {
        var step = PostgresStep(
            sql: """
                SELECT \(column) FROM pg_catalog.pg_stat_activity AS a
                WHERE a.pid::text = $1 AND EXTRACT(epoch FROM a.backend_start)::text = $2
                """,
            parameters: [.text(processID), .text(startedAt)]
        )
        step.output = .rows
        return step
    }
}
