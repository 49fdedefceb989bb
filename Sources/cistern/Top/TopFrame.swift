internal import JSONText

/// What is on the screen: two samples, and how they are to be shown. A value without a terminal.
struct TopFrame {
    enum Order: String, CaseIterable {
        case rate, hitRate, name

        var next: Order {
            switch self {
            case .rate: .hitRate
            case .hitRate: .name
            case .name: .rate
            }
        }

        var title: String {
            switch self {
            case .rate: "rate"
            case .hitRate: "hit rate"
            case .name: "name"
            }
        }
    }

    var address: ServerAddress
    var now: TopSample
    /// Nil at first: figures are then those since the server's start.
    var before: TopSample?
    /// The answer of `/api/v1/queries`; nil where it cannot be had.
    var queries: JSONValue?
    /// Nil where `/metrics` cannot be had.
    var latency: TopLatency?
    var latencyBefore: TopLatency?
    /// Why the last attempt to get a sample failed; the figures are then old.
    var problem: String?
    var order = Order.rate
    /// How many of the lists' lines are scrolled away.
    var scroll = 0
    var width = 80
    /// Lines that fit; nil for as many as there are.
    var height: Int?
    var paint = Paint.none

    /// Seconds between the samples.
    private var seconds: Double {
        // A server that was started anew meanwhile has no past.
        let start = isComparable ? before?.uptime ?? 0 : 0
        return max(0.001, Double(now.uptime - start) / 1000)
    }

    private var isComparable: Bool {
        guard let before else { return false }
        return now.uptime > before.uptime
    }

    private var past: TopSample? { isComparable ? before : nil }

    mutating func press(_ key: TopTerminal.Key) {
        switch key {
        case .quit: break
        case .sort: order = order.next
        case .up: scroll = max(0, scroll - 1)
        case .down: scroll = min(scroll + 1, max(0, lists.count - 1))
        }
    }

    private var lists: [String] { namespaceLines + [""] + queryLines }

    var text: String {
        var lines = heading + sourceLines + [""] + stateLines + [""]
        let lists = lists
        let room = height.map { max(1, $0 - lines.count - 1) } ?? lists.count
        let start = min(scroll, max(0, lists.count - room))
        lines += lists.dropFirst(start).prefix(room)
        if height != nil {
            lines += Array(repeating: "", count: max(0, room - (lists.count - start)))
            lines.append(paint(.dim, Self.cut("q quits   s sorts by \(order.next.title)   ↑ ↓ scroll", width)))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    // MARK: Parts

    private var heading: [String] {
        let up = ShownDuration.of(milliseconds: now.uptime)
        let span = past == nil ? "since the start" : "in \(Self.decimal(seconds)) s"
        var lines = [paint(.bold, Self.cut("cistern top   \(address)   up \(up)   figures \(span)", width)), ""]
        if let problem { lines[1] = paint(.red, Self.cut(problem, width)) }
        return lines
    }

    private var sourceLines: [String] {
        let old = past?.overall
        let total = now.overall.total - (old?.total ?? 0)
        let rate = "answers/s \(Self.count(Double(total) / seconds))"
        let hits = "hit rate \(Self.percent(TopSample.Counts.hitRate(now.overall, since: old)))"
        let failed = Double(now.errors - (past?.errors ?? 0)) / seconds
        let errors = "errors/s \(Self.count(failed))"
        var lines = [
            [rate, hits, failed > 0 ? paint(.red, errors) : errors].joined(separator: "   ")
        ]
        for source in TopSample.sources {
            let count = now.overall[source] - (old?[source] ?? 0)
            let share = total > 0 ? Double(count) / Double(total) : 0
            let room = max(10, width - (latency == nil ? 34 : 66))
            let bar = String(repeating: "█", count: Int((share * Double(room)).rounded()))
            let figures = Self.right(Self.count(Double(count) / seconds), 10) + Self.right(Self.percent(share), 8)
            let times = latency == nil ? "" : latencyText(source)
            lines.append(
                "  " + Self.left(source, 8) + figures + times + "  " + paint(source == "miss" ? .yellow : .green, bar)
            )
        }
        return lines
    }

    private func latencyText(_ source: String) -> String {
        [("p50", 0.5), ("p99", 0.99)].map { name, share in
            let milliseconds = latency?.milliseconds(share, of: source, since: past == nil ? nil : latencyBefore)
            return Self.right("\(name) \(Self.bound(milliseconds))", 16)
        }.joined()
    }

    /// `< 0.25 ms`: an upper bound.
    static func bound(_ milliseconds: Double?) -> String {
        guard let milliseconds else { return "-" }
        if milliseconds == .infinity { return "longer" }
        if milliseconds < 1 { return "< \((milliseconds * 1000).rounded() / 1000) ms" }
        return milliseconds < 1000 ? "< \(decimal(milliseconds)) ms" : "< \(decimal(milliseconds / 1000)) s"
    }

    private var stateLines: [String] {
        let memory = now.number("memory", "bytes").map { bytes in
            "\(Self.size(bytes)) of \(Self.size(now.number("memory", "budget_bytes") ?? 0))"
                + ", \(Self.count(Double(now.number("memory", "entries") ?? 0))) entries"
                + ", \(growth("memory", "evictions")) evicted/s"
        }
        let trust = now.flag("memory", "trusted") == false ? paint(.yellow, "  not trusted: the channel is down") : ""
        let isDown = now.flag("postgres", "available") == false
        let pool =
            "\(now.number("postgres", "in_use") ?? 0) in use, \(now.number("postgres", "idle") ?? 0) idle, "
            + "\(now.number("postgres", "waiting") ?? 0) waiting"
        return [
            "memory      \(memory ?? "?")\(trust)",
            "PostgreSQL  \(isDown ? paint(.red, "cannot be reached  ") : "")\(pool)",
            "Redis       \(redis)",
            "flights     \(now.number("flights", "under_way") ?? 0) under way, \(growth("flights", "joined")) joined/s",
            "clients     \(now.number("connections", "open") ?? 0) of \(now.number("connections", "limit") ?? 0)",
        ]
    }

    private var redis: String {
        if now.flag("redis", "configured") == false { return "none is configured" }
        guard now.flag("redis", "available") == true else { return paint(.red, "cannot be reached") }
        let heartbeat = now.number("redis", "heartbeat_ms").map { "heartbeat \($0) ms" } ?? "no heartbeat"
        return "\(heartbeat), \(growth("redis", "messages")) messages/s, \(now.number("redis", "gaps") ?? 0) gaps"
    }

    private var namespaceLines: [String] {
        let rows = now.namespaces.map { name, counts in
            let old = past?.namespaces[name]
            return (
                name: name,
                rate: Double(counts.total - (old?.total ?? 0)) / seconds,
                hitRate: TopSample.Counts.hitRate(counts, since: old),
                miss: Double(counts["miss"] - (old?["miss"] ?? 0)) / seconds
            )
        }.filter { $0.rate > 0 }.sorted { one, other in
            switch order {
            case .rate where one.rate != other.rate: one.rate > other.rate
            // The lowest first: that is where something is to be gained.
            case .hitRate where one.hitRate != other.hitRate: (one.hitRate ?? 2) < (other.hitRate ?? 2)
            default: one.name < other.name
            }
        }
        let head =
            Self.left("namespace", 24) + Self.right("answers/s", 12) + Self.right("hit rate", 10)
            + Self.right("misses/s", 12)
        if rows.isEmpty { return [paint(.reversed, Self.left(head, width)), "  nobody asked anything"] }
        return [paint(.reversed, Self.left(head, width))]
            + rows.map { row in
                Self.left(Self.cut(row.name, 23), 24) + Self.right(Self.count(row.rate), 12)
                    + Self.right(Self.percent(row.hitRate), 10) + Self.right(Self.count(row.miss), 12)
            }
    }

    private var queryLines: [String] {
        guard let queries else { return [paint(.dim, "queries: the HTTP port does not answer (--http)")] }
        let list = queries["queries"]?.array ?? []
        let head = Self.right("calls", 10) + Self.right("hit rate", 10) + Self.right("PG mean", 11) + "  statement"
        return [paint(.reversed, Self.left(head, width))]
            + list.map { query in
                let mean = query["postgres"]?["mean_ms"]?.double.map { "\(Self.decimal($0)) ms" } ?? "-"
                let statement = (query["statement"]?.string ?? "").map { $0.isWhitespace ? " " : $0 }
                return Self.right(Self.count(query["calls"]?.double ?? 0), 10)
                    + Self.right(Self.percent(query["hit_rate"]?.double), 10) + Self.right(mean, 11) + "  "
                    + Self.cut(String(statement), max(0, width - 33))
            }
    }

    // MARK: Figures

    private func growth(_ section: String, _ name: String) -> String {
        let new = now.number(section, name) ?? 0
        return Self.count(Double(new - (past?.number(section, name) ?? 0)) / seconds)
    }

    /// `0`, `3.4`, `870`, `12.3k`, `4.5M`.
    static func count(_ value: Double) -> String {
        if value <= 0 { return "0" }
        if value < 99.95 { return decimal(value) }
        if value < 9999.5 { return String(Int(value.rounded())) }
        return value < 999_950 ? "\(decimal(value / 1000))k" : "\(decimal(value / 1_000_000))M"
    }

    static func size(_ bytes: Int) -> String {
        if bytes < 1024 { return "\(bytes) B" }
        let units = ["kB", "MB", "GB", "TB"]
        var value = Double(bytes) / 1024
        var unit = 0
        while value >= 1023.95, unit + 1 < units.count {
            value /= 1024
            unit += 1
        }
        return "\(decimal(value)) \(units[unit])"
    }

    static func percent(_ share: Double?) -> String {
        share.map { "\(decimal($0 * 100)) %" } ?? "-"
    }

    /// One digit behind the point, none where it is zero.
    static func decimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? String(tenths / 10) : "\(tenths / 10).\(abs(tenths % 10))"
    }

    private static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - DisplayWidth.of(text)))
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - DisplayWidth.of(text))) + text
    }

    /// What fits into a width, without what would move the cursor.
    static func cut(_ text: String, _ width: Int) -> String {
        var shown = ""
        var room = width
        for scalar in text.unicodeScalars where !scalar.isControl {
            room -= DisplayWidth.of(scalar)
            if room < 0 { break }
            shown.unicodeScalars.append(scalar)
        }
        return shown
    }
}
