import NIOCore
import Testing

@testable import Observability

@Suite struct ExpositionTests {
    private func text(_ families: [MetricFamily], _ format: ExpositionFormat = .text) -> String {
        var buffer = ByteBuffer()
        buffer.writeMetrics(families, as: format)
        return String(buffer: buffer)
    }

    private var requests: MetricFamily {
        var family = MetricFamily("cistern_requests_total", .counter, "Queries answered.")
        family.add(.integer(3), ["source": "memory", "namespace": "products"])
        return family
    }

    @Test func aCounterInBothFormats() {
        #expect(
            text([requests]) == """
                # HELP cistern_requests_total Queries answered.
                # TYPE cistern_requests_total counter
                cistern_requests_total{source="memory",namespace="products"} 3

                """
        )
        #expect(
            text([requests], .openMetrics) == """
                # HELP cistern_requests Queries answered.
                # TYPE cistern_requests counter
                cistern_requests_total{source="memory",namespace="products"} 3
                # EOF

                """
        )
    }

    @Test func aUnitIsToldWhereTheFormatHasOne() {
        let memory = MetricFamily("redis_memory_usage_bytes", .gauge, unit: .bytes, "Memory.", .integer(7))
        #expect(!text([memory]).contains("UNIT"))
        #expect(text([memory], .openMetrics).contains("# UNIT redis_memory_usage_bytes bytes\n"))
        let spared = MetricFamily("cistern_spared_seconds_total", .counter, unit: .seconds, "Time.", .real(0.5))
        #expect(text([spared], .openMetrics).contains("# UNIT cistern_spared_seconds seconds\n"))
        #expect(text([spared], .openMetrics).contains("\ncistern_spared_seconds_total 0.5\n"))
    }

    @Test func anInfoIsAGaugeInText() {
        var build = MetricFamily("cistern_build_info", .info, "What runs.")
        build.add(.integer(1), ["version": "1.0"])
        #expect(text([build]).contains("# TYPE cistern_build_info gauge\ncistern_build_info{version=\"1.0\"} 1\n"))
        #expect(
            text([build], .openMetrics).contains("# TYPE cistern_build info\ncistern_build_info{version=\"1.0\"} 1\n")
        )
    }

    @Test func aHistogramIsCumulativeAndInSeconds() {
        let histogram = LatencyHistogram()
        for nanoseconds: UInt64 in [1, 5000, 5001, 60_000_000_000] { histogram.record(nanoseconds: nanoseconds) }
        let lines = text([MetricFamily("x_seconds", .histogram, "Time.", .latency(histogram.snapshot))])
            .split(separator: "\n")
        #expect(lines.contains("x_seconds_bucket{le=\"5e-06\"} 2"))
        #expect(lines.contains("x_seconds_bucket{le=\"1e-05\"} 3"))
        #expect(lines.contains("x_seconds_bucket{le=\"30.0\"} 3"))
        #expect(lines.contains("x_seconds_bucket{le=\"+Inf\"} 4"))
        #expect(lines.contains("x_seconds_count 4"))
        #expect(lines.contains { $0.hasPrefix("x_seconds_sum 60.0000") })
        #expect(lines.filter { $0.contains("_bucket") }.count == LatencyBuckets.count)
    }

    @Test func whatCouldBreakALineIsEscaped() {
        var family = MetricFamily("x", .gauge, "a \\ b\nc \"d\"")
        family.add(.integer(1), ["name": "quote \" backslash \\ newline \n é"])
        let escaped = "x{name=\"quote \\\" backslash \\\\ newline \\n é\"} 1\n"
        #expect(text([family]) == "# HELP x a \\\\ b\\nc \"d\"\n# TYPE x gauge\n" + escaped)
        #expect(text([family], .openMetrics).hasPrefix("# HELP x a \\\\ b\\nc \\\"d\\\"\n"))
    }

    @Test func numbersThatAreNone() {
        for (value, expected) in [(Double.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (1e21, "1e+21")] {
            #expect(text([MetricFamily("x", .gauge, "x", .real(value))]).hasSuffix("\nx \(expected)\n"))
        }
    }

    @Test func aFamilyWithoutSeriesIsLeftOut() {
        #expect(text([MetricFamily("x_total", .counter, "None yet.")]).isEmpty)
    }

    @Test(
        arguments: [
            (nil, ExpositionFormat.text), ("", .text), ("*/*", .text), ("text/html", .text), (";;,,q=", .text),
            ("application/openmetrics-text", .openMetrics),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", .openMetrics),
            ("Application/OpenMetrics-Text;version=\"1.0.0\"", .openMetrics),
            // Prometheus asks like this.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                    + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", .openMetrics
            ),
            ("application/openmetrics-text;version=0.0.1", .text),
            ("application/openmetrics-text;version=2.0.0,text/plain;q=0.1", .text),
            ("application/openmetrics-text;q=0,*/*", .text),
            ("text/plain;q=0.9, application/openmetrics-text;q=0.8", .text),
            ("text/plain;q=0.8, application/openmetrics-text;q=0.9", .openMetrics),
            ("application/openmetrics-text;q=much", .text),
        ] as [(String?, ExpositionFormat)]
    )
    func theFormatThatIsAskedFor(accept: String?, format: ExpositionFormat) {
        #expect(ExpositionFormat(accept: accept) == format)
    }
}
