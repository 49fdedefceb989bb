internal import NIOCore
package import Observability
internal import PostgresClient
internal import RedisClient

extension QueryProxy {
    /// Asks Redis for a sign of life and for its memory.
    ///
    /// - Parameter monitor: nil where there is no Redis.
    package func redisHealth(_ monitor: RedisMemoryMonitor?) async -> HealthReport {
        guard let redis, let monitor else {
            return HealthReport(
                .disabled,
                figures: [("message", .text("no Redis is configured (redis.url is empty); memory alone caches"))]
            )
        }
        let began = NIODeadline.now()
        do throws(RedisError) {
            _ = try await redis.send(RedisCommand("PING"))
            let memory = try await monitor.look()
            let megabyte = 1024.0 * 1024
            var figures: [(name: String, value: HealthReport.Figure)] = [
                ("memory_used_mb", .real((Double(memory.used) / megabyte).rounded(toPlaces: 2)))
            ]
            if let usage = memory.usage {
                figures += [
                    ("memory_max_mb", .real((Double(memory.maximum) / megabyte).rounded(toPlaces: 2))),
                    ("memory_usage", .real(usage.rounded(toPlaces: 4))), ("memory_high", .flag(monitor.isHigh)),
                ]
            }
            figures += [
                ("eviction_policy", .text(memory.policy)), ("version", .text(redis.identity?.version ?? "")),
                ("latency_ms", .real((Double(began.nanosecondsUntilNow) / 1e6).rounded(toPlaces: 2))),
            ]
            return HealthReport(.healthy, figures: figures)
        } catch {
            return HealthReport(
                .unhealthy,
                error: "Redis cannot be used: \(error.message)",
                figures: [("meanwhile", .text("answers come from this process's memory and from PostgreSQL"))]
            )
        }
    }

    /// Asks PostgreSQL for a sign of life, on a connection of the pool.
    package func postgresHealth(within limit: Duration) async -> HealthReport {
        let began = NIODeadline.now()
        var figures: [(name: String, value: HealthReport.Figure)] = []
        do throws(PostgresError) {
            var script = PostgresScript(steps: [PostgresStep(sql: "SELECT 1", parameters: [])])
            script.timeout = limit
            script.isReadOnly = true
            _ = try await postgres.run(script)
            figures = [
                ("version", .text(postgres.identity?.serverVersion ?? "")),
                ("latency_ms", .real((Double(began.nanosecondsUntilNow) / 1e6).rounded(toPlaces: 2))),
            ]
            return HealthReport(.healthy, figures: figures + poolFigures)
        } catch {
            return HealthReport(.unhealthy, error: postgresSentence(error), figures: poolFigures)
        }
    }

    /// What is said where PostgreSQL did not answer in time: it may be away, or busy.
    package var postgresSilence: String {
        let pool = postgres.statistics
        if pool.isDown { return "PostgreSQL cannot be reached; answers that are stored are served" }
        if pool.idle == 0, pool.inUse > 0 {
            return "all \(pool.inUse) connections to PostgreSQL are in use, and \(pool.waiting) requests wait for one"
        }
        return "PostgreSQL did not answer in time"
    }

    private func postgresSentence(_ error: PostgresError) -> String {
        switch error.code {
        case .unavailable, .connectionLost: "PostgreSQL cannot be reached: \(error.message)"
        case .acquireTimeout, .timeout, .cancelled: postgresSilence
        case .server, .resultTooLarge, .invalidParameter, .shuttingDown: error.message
        }
    }

    private var poolFigures: [(name: String, value: HealthReport.Figure)] {
        let pool = postgres.statistics
        return [
            ("connections_in_use", .integer(pool.inUse)), ("connections_idle", .integer(pool.idle)),
            ("requests_waiting", .integer(pool.waiting)),
        ]
    }

    /// Whether PostgreSQL has been there once: without its identity not even what is stored can be served.
    package var hasMetPostgres: Bool { postgres.identity != nil }

    /// What is away, by name: `postgres`, `redis`.
    package var absent: [String] {
        (postgres.statistics.isDown ? ["postgres"] : []) + (redis?.isAvailable == false ? ["redis"] : [])
    }
}

extension Double {
    func rounded(toPlaces places: Int) -> Double {
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        return (self * scale).rounded() / scale
    }
}
