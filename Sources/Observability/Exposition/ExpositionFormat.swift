/// In which words a scrape is answered.
package enum ExpositionFormat: Sendable, Equatable {
    /// Prometheus text format 0.0.4.
    case text
    /// OpenMetrics 1.0.
    case openMetrics

    package var contentType: String {
        switch self {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// What a client prefers. Text, unless OpenMetrics is asked for by name in a version that this is.
    ///
    /// - Parameter accept: the header `Accept`; nil or anything that makes no sense is text.
    package init(accept: String?) {
        var best = (quality: 0.0, format: ExpositionFormat.text)
        for element in (accept ?? "").split(separator: ",") {
            let parts = element.split(separator: ";").map { $0.trimmingSpaces.lowercased() }
            guard let type = parts.first else { continue }
            let parameters = parts.dropFirst()
            let quality = Self.value("q", in: parameters).map { Double($0) ?? 0 } ?? 1
            let format: ExpositionFormat
            switch type {
            case "application/openmetrics-text":
                guard ["1.0.0", nil].contains(Self.value("version", in: parameters)) else { continue }
                format = .openMetrics
            case "text/plain", "text/*", "*/*":
                format = .text
            default:
                continue
            }
            if quality > best.quality { best = (quality, format) }
        }
        self = best.format
    }

    private static func value(_ name: String, in parameters: ArraySlice<String>) -> String? {
        for parameter in parameters {
            let pair = parameter.split(separator: "=", maxSplits: 1).map { $0.trimmingSpaces }
            if pair.count == 2, pair[0] == name { return pair[1].filter { $0 != "\"" } }
        }
        return nil
    }
}

extension Substring {
    fileprivate var trimmingSpaces: String {
        String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
