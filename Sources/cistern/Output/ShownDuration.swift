extension Duration {
    /// `0.52 ms`.
    var shownInMilliseconds: String {
        let microseconds = components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
        let hundredths = (microseconds + 5) / 10
        let fraction = String(100 + hundredths % 100).dropFirst()
        return "\(hundredths / 100).\(fraction) ms"
    }
}

/// Times as people say them, in the two largest units: `340 ms`, `12.5 s`, `4m 58s`, `2h 5m`, `3d 4h`.
enum ShownDuration {
    static func of(milliseconds: Int) -> String {
        let milliseconds = max(0, milliseconds)
        if milliseconds < 1000 { return "\(milliseconds) ms" }
        if milliseconds < 60_000 { return "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s" }
        let seconds = milliseconds / 1000
        if seconds < 3600 { return "\(seconds / 60)m \(seconds % 60)s" }
        if seconds < 86_400 { return "\(seconds / 3600)h \(seconds % 3600 / 60)m" }
        return "\(seconds / 86_400)d \(seconds % 86_400 / 3600)h"
    }
}
