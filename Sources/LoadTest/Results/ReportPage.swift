#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// A result as an HTML page that needs nothing else: the table, and the latencies by percentile as a plot (SVG).
///
/// The horizontal axis stretches what lies near 100 % (each step is another nine), the vertical one is logarithmic.
package struct ReportPage {
    private struct Series {
        let name: String
        let color: String
        let points: [Latencies.Point]
    }

    private static let colors = [
        "#2563eb", "#dc2626", "#16a34a", "#9333ea", "#ea580c", "#0891b2", "#4b5563", "#be185d",
    ]
    private static let (width, height) = (860.0, 420.0)
    private static let (left, right, top, bottom) = (70.0, 20.0, 20.0, 45.0)

    private let result: LoadResult
    private let series: [Series]
    private let lowest: Double
    private let highest: Double
    /// Nines on the horizontal axis.
    private let nines: Double

    package init(_ result: LoadResult) {
        self.result = result
        var all = result.bySource.map { ($0.name, $0.latencies.curve) }
        if all.count > 1 { all.append(("all", result.all.curve)) }
        series = all.enumerated().map { index, series in
            Series(name: series.0, color: Self.colors[index % Self.colors.count], points: series.1)
        }
        let values = all.flatMap { $0.1 }.map(\.milliseconds).filter { $0 > 0 }
        lowest = values.min().map { Self.power(below: $0) } ?? 0.001
        highest = max(values.max() ?? 1, lowest * 10)
        nines = max(
            2,
            all.flatMap { $0.1 }.filter { $0.percentile < 100 }.map { Self.nines(of: $0.percentile) }.max() ?? 2
        )
    }

    package var html: String {
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><title>\(escaped(result.label))</title><style>
        body { font: 15px system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
        table { border-collapse: collapse } th, td { padding: .2em .8em; text-align: right } th:first-child, td:first-child { text-align: left }
        svg text { font: 12px system-ui, sans-serif }
        </style></head><body>
        <h1>\(escaped(result.label))</h1>
        <p>\(escaped(summary))</p>
        \(table)
        <h2>Latency by percentile</h2>
        \(svg)
        </body></html>

        """
    }

    private var summary: String {
        var text = "\(result.scenario); \(result.connections) connections, \(result.pipeline) in the pipeline; "
        text += result.requestedRate.map { "\($0.shown) requests a second asked for, " } ?? ""
        text +=
            "\(result.requestsPerSecond.shown) requests a second over \(result.seconds.shown) s; \(result.errors) failed"
        return text + "; \(result.unanswered) due but not answered"
    }

    private var table: String {
        let head = ["from", "count", "mean", "p50", "p90", "p99", "p99.9", "max (ms)"].map { "<th>\($0)</th>" }.joined()
        let rows = (result.bySource + (result.bySource.count > 1 ? [("all", result.all)] : [])).map { name, latencies in
            let figures = [
                latencies.mean, latencies.p50, latencies.p90, latencies.p99, latencies.p999, latencies.maximum,
            ].map(\.shown)
            return "<tr>" + ([name, "\(latencies.count)"] + figures).map { "<td>\($0)</td>" }.joined() + "</tr>"
        }
        return "<table><tr>\(head)</tr>\(rows.joined())</table>"
    }

    // MARK: The plot

    /// A self-contained `<svg>` element.
    package var svg: String {
        let lines = series.enumerated().map { index, series in
            let points = series.points.map { "\(x($0.percentile).shown),\(y($0.milliseconds).shown)" }
            let legend = Self.top + 16 + Double(index) * 18
            return """
                <polyline fill="none" stroke="\(series.color)" stroke-width="2" points="\(points.joined(separator: " "))"/>
                <text x="\(Self.left + 12)" y="\(legend)" fill="\(series.color)">\(escaped(series.name))</text>
                """
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))">
            \(grid)
            \(lines.joined(separator: "\n"))
            </svg>
            """
    }

    private var grid: String {
        var text = ""
        var value = lowest
        while value <= highest * 1.001 {
            let height = y(value).shown
            text +=
                "<line x1=\"\(Self.left)\" x2=\"\(Self.width - Self.right)\" y1=\"\(height)\" y2=\"\(height)\" stroke=\"#ddd\"/>"
            text += "<text x=\"\(Self.left - 8)\" y=\"\(height)\" text-anchor=\"end\">\(value.shown) ms</text>\n"
            value *= 10
        }
        for percentile in [0, 50, 90, 99, 99.9, 99.99, 99.999] where Self.nines(of: percentile) <= nines {
            let place = x(percentile).shown
            text +=
                "<line x1=\"\(place)\" x2=\"\(place)\" y1=\"\(Self.top)\" y2=\"\(Self.height - Self.bottom)\" stroke=\"#ddd\"/>"
            text +=
                "<text x=\"\(place)\" y=\"\(Self.height - Self.bottom + 20)\" text-anchor=\"middle\">\(percentile.label) %</text>\n"
        }
        return text
    }

    private func x(_ percentile: Double) -> Double {
        let share = min(1, Self.nines(of: percentile) / nines)
        return Self.left + share * (Self.width - Self.left - Self.right)
    }

    private func y(_ milliseconds: Double) -> Double {
        let span = log10(highest) - log10(lowest)
        let share = (log10(max(milliseconds, lowest)) - log10(lowest)) / span
        return Self.height - Self.bottom - share * (Self.height - Self.top - Self.bottom)
    }

    /// 90 is one nine, 99 two; 100 has as many as there is room for.
    private static func nines(of percentile: Double) -> Double {
        percentile >= 100 ? .infinity : -log10(1 - percentile / 100)
    }

    private static func power(below value: Double) -> Double {
        var power = 1.0
        while power > value { power /= 10 }
        while power * 10 <= value { power *= 10 }
        return power
    }

    private func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "&": escaped += "&amp;"
            case "\"": escaped += "&quot;"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}

extension Double {
    /// Without a fraction where there is none.
    fileprivate var label: String { self == rounded() ? "\(Int(self))" : "\(self)" }
}
