/// Durations as people write them: `250ms`, `5s`, `1h30m`, `7d`, or a number of seconds.
///
/// They are whole milliseconds from nothing to a hundred years, so that whoever takes one can count it in milliseconds
/// or in nanoseconds of 64 bits without a look at its size.
enum DurationText {
    static let maximum: Duration = .seconds(36_500 * 86_400)
    static let forms = "a duration such as \"250ms\", \"5s\", \"1h30m\" or \"7d\", or a number of seconds"

    private static let units: [(name: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    static func parse(_ text: String) throws(ValueError) -> Duration {
        if let seconds = Int64(text) { return try duration(seconds: seconds) }
        if let seconds = Double(text), text.allSatisfy({ "+-.eE0123456789".contains($0) }) {
            return try duration(seconds: seconds)
        }
        if text.first == "-" { throw ValueError("must not be negative") }
        var rest = Substring(text)
        var total: Int64 = 0
        // Each unit once, from the largest down: what "5m2h" or "1s1s" is meant to say is not worth a guess.
        var allowed = units[...]
        repeat {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count).drop { $0 == " " }
            let name = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(name.count).drop { $0 == " " }
            guard !digits.isEmpty, let index = allowed.firstIndex(where: { $0.name == name }) else {
                throw ValueError("must be \(forms)")
            }
            guard let count = Int64(digits) else { throw tooLong }
            let (part, isTooLarge) = count.multipliedReportingOverflow(by: units[index].milliseconds)
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !isTooLarge, !overflow else { throw tooLong }
            total = sum
            allowed = units[(index + 1)...]
        } while !rest.isEmpty
        return try checked(milliseconds: total)
    }

    static func duration(seconds: Int64) throws(ValueError) -> Duration {
        if seconds < 0 { throw ValueError("must not be negative") }
        let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { throw tooLong }
        return try checked(milliseconds: milliseconds)
    }

    static func duration(seconds: Double) throws(ValueError) -> Duration {
        guard !seconds.isNaN else { throw ValueError("must be \(forms)") }
        if seconds < 0 { throw ValueError("must not be negative") }
        let milliseconds = (seconds * 1000).rounded()
        guard let whole = Int64(exactly: milliseconds) else { throw tooLong }
        // A number such as 0.0001 must not quietly become 0, which often means "never".
        guard abs(milliseconds - seconds * 1000) < 0.000_001 * max(1, milliseconds) else {
            throw ValueError("must be a whole number of milliseconds")
        }
        return try checked(milliseconds: whole)
    }

    /// The shortest text that `parse` reads as the same duration.
    static func format(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        var rest = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        if rest == 0 { return "0s" }
        var text = ""
        for unit in units where rest >= unit.milliseconds {
            text += "\(rest / unit.milliseconds)\(unit.name)"
            rest %= unit.milliseconds
        }
        return text
    }

    private static func checked(milliseconds: Int64) throws(ValueError) -> Duration {
        let duration = Duration.milliseconds(milliseconds)
        guard duration <= maximum else { throw tooLong }
        return duration
    }

    private static var tooLong: ValueError { ValueError("is too long: at most \(format(maximum))") }
}
