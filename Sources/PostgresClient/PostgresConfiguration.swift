/// How to reach PostgreSQL, and how many connections to hold.
package struct PostgresConfiguration: Sendable {
    /// Any libpq connection string; what it leaves out comes from libpq's own variables (`PGHOST`, …) and service files.
    package var url: String
    package var minimumConnections = 1
    package var maximumConnections = 10
    /// How long a request waits for a connection.
    package var acquireTimeout: Duration = .seconds(5)
    package var connectTimeout: Duration = .seconds(5)
    /// Connections above the minimum that nobody used for so long are closed.
    package var idleTimeout: Duration = .seconds(600)
    /// A connection is replaced when it is older.
    package var maximumLifetime: Duration = .seconds(3600)
    package var preparedStatementsPerConnection = 256

    package init(url: String) {
        self.url = url
    }
}
