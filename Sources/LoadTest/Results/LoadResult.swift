internal import Histogram
internal import JSONText

/// Latencies, in milliseconds.
package struct Latencies: Sendable, Equatable {
    package var count = 0
    package var mean = 0.0
    package var p50 = 0.0
    package var p90 = 0.0
    package var p99 = 0.0
    package var p999 = 0.0
    package var maximum = 0.0
    /// Milliseconds at percentiles, for a plot.
    package var curve: [Point] = []

    package struct Point: Sendable, Equatable {
        package var percentile: Double
        package var milliseconds: Double
    }
}

/// What a run has measured.
package struct LoadResult: Sendable {
    package var label: String
    package var target: String
    package var scenario: String
    package var connections: Int
    package var pipeline: Int
    /// What was asked for; nil in a closed loop.
    package var requestedRate: Double?
    /// How the connections were read and written.
    package var io: SocketIO
    package var seconds: Double
    /// Answers a second, failures not counted.
    package var requestsPerSecond: Double
    package var errors: Int
    package var unanswered: Int
    package var firstError: String?
    /// Microseconds of the generator's own processor time for each request, warm-up included.
    package var generatorCost: Double
    package var all: Latencies
    /// By where the answers came from, without those that did not come.
    package var bySource: [(name: String, latencies: Latencies)]
}

extension LoadResult {
    init(_ plan: LoadPlan, _ results: [WorkerResult], processorTime: Double) {
        var recorder = Recorder()
        for result in results { recorder.add(result.recorder) }
        label = plan.target.name
        target = plan.target.name
        scenario = plan.scenario.name
        connections = plan.connections
        pipeline = plan.pipeline
        requestedRate = plan.rate
        io = results.first?.io ?? plan.io
        seconds = results.map(\.seconds).max() ?? 0
        all = Latencies(recorder.answers)
        unanswered = recorder.count(of: .unanswered)
        let answered = results.map { result in
            Double(Int(result.recorder.answers.totalCount) - result.recorder.count(of: .unanswered))
        }
        requestsPerSecond = zip(answered, results).reduce(0) { $0 + $1.0 / max($1.1.seconds, 1e-9) }
        errors = recorder.count(of: .error)
        firstError = results.lazy.compactMap(\.firstError).first
        let timed = answered.reduce(0, +) * (plan.warmUp + plan.duration) / plan.duration
        generatorCost = timed > 0 ? processorTime * 1e6 / timed : 0
        bySource = AnswerKind.allCases.compactMap { kind in
            if kind == .unanswered { return nil }
            let latencies = Latencies(recorder.histograms[kind.rawValue])
            return latencies.count > 0 ? (kind.name, latencies) : nil
        }
    }
}

extension Latencies {
    init(_ histogram: Histogram<UInt64>) {
        func milliseconds(_ percentile: Double) -> Double {
            Double(histogram.valueAtPercentile(percentile)) / 1e6
        }
        count = Int(histogram.totalCount)
        guard count > 0 else { return }
        mean = histogram.mean / 1e6
        p50 = milliseconds(50)
        p90 = milliseconds(90)
        p99 = milliseconds(99)
        p999 = milliseconds(99.9)
        maximum = milliseconds(100)
        var remaining = 1.0
        while remaining > 1 / Double(max(count, 2)), curve.count < 60 {
            curve.append(Point(percentile: 100 * (1 - remaining), milliseconds: milliseconds(100 * (1 - remaining))))
            remaining /= 1.4142135623730951
        }
        curve.append(Point(percentile: 100, milliseconds: maximum))
    }
}

extension LoadResult {
    /// One JSON object.
    package var json: String {
        var members: [(key: String, value: JSONValue)] = [
            ("label", .string(label)), ("target", .string(target)), ("scenario", .string(scenario)),
            ("connections", .number("\(connections)")), ("pipeline", .number("\(pipeline)")),
            ("io", .string(io.rawValue)),
        ]
        if let requestedRate { members.append(("requested_rate", .rounded(requestedRate))) }
        members += [
            ("seconds", .rounded(seconds)), ("requests_per_second", .rounded(requestsPerSecond)),
            ("errors", .number("\(errors)")), ("unanswered", .number("\(unanswered)")),
            ("generator_us_per_request", .rounded(generatorCost)), ("latency_ms", all.json),
            ("by_source", .object(bySource.map { ($0.name, $0.latencies.json) })),
        ]
        if let firstError { members.append(("first_error", .string(firstError))) }
        return JSONValue.object(members).jsonText
    }

    /// For people.
    package var table: String {
        var text = "\(label): \(scenario), \(connections) connections, \(pipeline) in the pipeline"
        if let requestedRate { text += ", \(requestedRate.shown) requests a second asked for" }
        text += ", by \(io.rawValue)"
        text += "\n\(requestsPerSecond.shown) requests a second over \(seconds.shown) s"
        if errors > 0 { text += ", \(errors) failed" }
        if unanswered > 0 { text += ", \(unanswered) due but not answered" }
        text += "\n\n" + ["from", "count", "mean", "p50", "p90", "p99", "p99.9", "max"].row + "\n"
        var rows = bySource
        if bySource.count > 1 { rows.append(("all", all)) }
        for (name, latencies) in rows {
            let figures = [
                latencies.mean, latencies.p50, latencies.p90, latencies.p99, latencies.p999, latencies.maximum,
            ]
            text += ([name, "\(latencies.count)"] + figures.map(\.shown)).row + "\n"
        }
        text += "(milliseconds; the generator used \(generatorCost.shown) µs of processor time a request)\n"
        if let firstError { text += "the first failure: \(firstError)\n" }
        return text
    }
}

extension Latencies {
    fileprivate var json: JSONValue {
        .object([
            ("count", .number("\(count)")), ("mean", .rounded(mean)), ("p50", .rounded(p50)), ("p90", .rounded(p90)),
            ("p99", .rounded(p99)), ("p99.9", .rounded(p999)), ("max", .rounded(maximum)),
        ])
    }
}

extension JSONValue {
    fileprivate static func rounded(_ number: Double) -> JSONValue {
        .number("\((number * 10_000).rounded() / 10_000)")
    }
}

extension Double {
    /// With as many digits as say something: `123456`, `12.34`, `0.0567`.
    var shown: String {
        if magnitude >= 100 { return "\(Int(rounded()))" }
        let factor: Double = magnitude >= 1 ? 100 : 10_000
        return "\((self * factor).rounded() / factor)"
    }
}

extension [String] {
    fileprivate var row: String {
        enumerated().map { index, text in
            let gap = String(repeating: " ", count: Swift.max(0, 10 - text.count))
            return index == 0 ? text + gap : gap + text
        }.joined(separator: " ")
    }
}
