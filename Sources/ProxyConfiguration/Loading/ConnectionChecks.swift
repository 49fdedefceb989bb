/// Whether the clients of the two servers would understand what they are configured with. They are other parts, so whoever
/// puts the process together hands this in.
package struct ConnectionChecks: Sendable {
    /// What is wrong with a libpq connection string; nil where nothing is. Repeats no password.
    package var postgres: @Sendable (String) -> String?
    /// What is wrong with a Redis URL that is not empty.
    package var redis: @Sendable (String) -> String?

    package init(
        postgres: @escaping @Sendable (String) -> String?,
        redis: @escaping @Sendable (String) -> String?
    ) {
        self.postgres = postgres
        self.redis = redis
    }

    /// Nothing is wrong with anything.
    package static let none = ConnectionChecks(postgres: { _ in nil }, redis: { _ in nil })
}

extension ConfigurationReader {
    mutating func check(_ checks: ConnectionChecks) {
        let postgres = "postgres.url"
        if let origin = origins[postgres], !failed.contains(postgres),
            let problem = checks.postgres(configuration.postgres.url)
        {
            fail("is no libpq connection string: \(problem)", at: origin)
        }
        let redis = "redis.url"
        if let origin = origins[redis], !failed.contains(redis), configuration.redis.isEnabled,
            let problem = checks.redis(configuration.redis.url)
        {
            fail("is no Redis URL: \(problem)", at: origin)
        }
    }
}
