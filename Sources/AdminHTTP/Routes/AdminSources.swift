package import NIOCore
package import Observability
package import QueryProxy

/// Where the pages get what they show. None may wait for a server that is away; the probes bound their waiting.
package struct AdminSources: Sendable {
    package var metrics: @Sendable () -> [MetricFamily]
    /// The answer to the op `stats`, a JSON object.
    package var stats: @Sendable () async -> ByteBuffer
    /// The configuration in effect as `proxy.conf` has it, secrets masked.
    package var configuration: @Sendable () -> String
    /// Carries out an op `invalidate` whose fields are the members of a JSON object.
    package var invalidate: @Sendable (ByteBuffer) async -> Response
    package var liveness: @Sendable () -> HealthReport
    package var readiness: @Sendable () -> HealthReport
    package var redis: HealthProbe
    package var postgres: HealthProbe

    package init(
        metrics: @escaping @Sendable () -> [MetricFamily],
        stats: @escaping @Sendable () async -> ByteBuffer,
        configuration: @escaping @Sendable () -> String,
        invalidate: @escaping @Sendable (ByteBuffer) async -> Response,
        liveness: @escaping @Sendable () -> HealthReport,
        readiness: @escaping @Sendable () -> HealthReport,
        redis: HealthProbe,
        postgres: HealthProbe
    ) {
        self.metrics = metrics
        self.stats = stats
        self.configuration = configuration
        self.invalidate = invalidate
        self.liveness = liveness
        self.readiness = readiness
        self.redis = redis
        self.postgres = postgres
    }
}
