package import NIOCore

extension ByteBuffer {
    /// Writes what a scrape gets.
    package mutating func writeMetrics(_ families: [MetricFamily], as format: ExpositionFormat) {
        for family in families where !family.samples.isEmpty { write(family, as: format) }
        if format == .openMetrics { writeStaticString("# EOF\n") }
    }

    private mutating func write(_ family: MetricFamily, as format: ExpositionFormat) {
        let name = family.name(in: format)
        writeString("# HELP \(name) ")
        writeEscaped(family.help, quotes: format == .openMetrics)
        writeString("\n# TYPE \(name) \(family.kind.name(in: format))\n")
        if format == .openMetrics, let unit = family.unit { writeString("# UNIT \(name) \(unit.rawValue)\n") }
        for sample in family.samples {
            switch sample.value {
            case .integer(let value): writeSample(family.name, sample.labels, String(value))
            case .real(let value): writeSample(family.name, sample.labels, value.metricText)
            case .latency(let snapshot): writeHistogram(family.name, sample.labels, snapshot)
            }
        }
    }

    private mutating func writeHistogram(
        _ name: String,
        _ labels: [MetricFamily.Label],
        _ snapshot: LatencySnapshot
    ) {
        var cumulative = 0
        for (index, count) in snapshot.buckets.enumerated() {
            cumulative += count
            let bound = index < Self.boundTexts.count ? Self.boundTexts[index] : "+Inf"
            writeSample(name + "_bucket", labels, bound: bound, String(cumulative))
        }
        writeSample(name + "_sum", labels, (Double(snapshot.sum) / 1e9).metricText)
        writeSample(name + "_count", labels, String(cumulative))
    }

    private mutating func writeSample(
        _ name: String,
        _ labels: [MetricFamily.Label],
        bound: String? = nil,
        _ value: String
    ) {
        writeString(name)
        if !labels.isEmpty || bound != nil {
            writeStaticString("{")
            for (index, label) in labels.enumerated() {
                if index > 0 { writeStaticString(",") }
                writeString(label.name)
                writeStaticString("=\"")
                writeEscaped(label.value, quotes: true)
                writeStaticString("\"")
            }
            if let bound {
                if !labels.isEmpty { writeStaticString(",") }
                writeString("le=\"\(bound)\"")
            }
            writeStaticString("}")
        }
        writeString(" \(value)\n")
    }

    private mutating func writeEscaped(_ text: String, quotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): writeStaticString("\\\\")
            case UInt8(ascii: "\n"): writeStaticString("\\n")
            case UInt8(ascii: "\"") where quotes: writeStaticString("\\\"")
            default: writeInteger(byte)
            }
        }
    }

    /// In seconds. OpenMetrics wants them to look like floating-point numbers.
    private static let boundTexts = LatencyBuckets.bounds.map { (Double($0) / 1e9).description }
}

extension MetricFamily {
    /// OpenMetrics names the family without what its samples' names end in.
    fileprivate func name(in format: ExpositionFormat) -> String {
        guard format == .openMetrics else { return name }
        return switch kind {
        case .counter where name.hasSuffix("_total"): String(name.dropLast("_total".count))
        case .info where name.hasSuffix("_info"): String(name.dropLast("_info".count))
        case .counter, .info, .gauge, .histogram: name
        }
    }
}

extension MetricFamily.Kind {
    fileprivate func name(in format: ExpositionFormat) -> String {
        switch self {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        case .info: format == .openMetrics ? "info" : "gauge"
        }
    }
}

extension Double {
    fileprivate var metricText: String {
        if isNaN { return "NaN" }
        if isInfinite { return self < 0 ? "-Inf" : "+Inf" }
        return description
    }
}
