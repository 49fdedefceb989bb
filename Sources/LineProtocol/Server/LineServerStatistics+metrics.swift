package import Observability

extension LineServerStatistics {
    /// - Parameter limit: of connections.
    package func metrics(limit: Int) -> [MetricFamily] {
        [
            MetricFamily("cistern_connections", .gauge, "Clients connected.", .integer(open)),
            MetricFamily(
                "cistern_connections_limit",
                .gauge,
                "Clients at most (listen.max_connections).",
                .integer(limit)
            ),
            MetricFamily(
                "cistern_connections_accepted_total",
                .counter,
                "Connections that were accepted, those included that were refused at once.",
                .integer(accepted)
            ),
            MetricFamily(
                "cistern_connections_rejected_total",
                .counter,
                "Connections that were refused because there were too many.",
                .integer(rejected)
            ),
            MetricFamily(
                "cistern_lines_total",
                .counter,
                "Lines that asked for something, of every kind.",
                .integer(requests)
            ),
        ]
    }
}
