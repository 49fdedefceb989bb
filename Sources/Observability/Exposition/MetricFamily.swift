/// One metric with all its series, as a scrape shows it.
package struct MetricFamily: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// Only grows while the process lives. Its name ends in `_total`.
        case counter
        case gauge
        /// Times in seconds. Its name ends in `_seconds`.
        case histogram
        /// The constant 1, whose labels tell something. Its name ends in `_info`.
        case info
    }

    package enum Unit: String, Sendable {
        case seconds, bytes
    }

    package enum Value: Sendable, Equatable {
        case integer(Int)
        case real(Double)
        case latency(LatencySnapshot)
    }

    package struct Sample: Sendable, Equatable {
        package var labels: [Label]
        package var value: Value
    }

    package struct Label: Sendable, Equatable {
        package var name: String
        package var value: String
    }

    /// As text format 0.0.4 spells it.
    package let name: String
    package let kind: Kind
    /// The name holds it: `redis_memory_usage_bytes`.
    package let unit: Unit?
    package let help: String
    package private(set) var samples: [Sample] = []

    package init(_ name: String, _ kind: Kind, unit: Unit? = nil, _ help: String) {
        self.name = name
        self.kind = kind
        self.unit = kind == .histogram ? .seconds : unit
        self.help = help
    }

    /// A metric of one series.
    package init(_ name: String, _ kind: Kind, unit: Unit? = nil, _ help: String, _ value: Value) {
        self.init(name, kind, unit: unit, help)
        add(value)
    }

    package mutating func add(_ value: Value, _ labels: KeyValuePairs<String, String> = [:]) {
        samples.append(Sample(labels: labels.map { Label(name: $0.key, value: $0.value) }, value: value))
    }
}
