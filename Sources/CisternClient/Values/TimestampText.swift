internal import Foundation

/// Timestamps and dates as PostgreSQL's `to_json` writes them: `2026-11-25T00:46:20.181765+00:00`, without a zone for
/// `timestamp` (taken for UTC), and `2026-11-25` for a `date` (its first instant in UTC).
///
/// Years are those of the proleptic Gregorian calendar; those before the year 1 end with ` BC`. `infinity` has no `Date`.
enum TimestampText {
    private static let microsecondsPerSecond: Int64 = 1_000_000
    private static let secondsPerDay: Int64 = 86_400
    /// From 1970-01-01, where days are counted from here, to 2001-01-01, where Foundation counts from.
    private static let referenceSeconds: Int64 = 978_307_200

    static func date(from text: String) -> Date? {
        let isBeforeChrist = text.hasSuffix(" BC")
        var fields = Fields(isBeforeChrist ? text.dropLast(3) : text[...])
        guard let written = fields.number(minimumDigits: 4), fields.skip("-"),
            let month = fields.number(digits: 2), fields.skip("-"), let day = fields.number(digits: 2),
            written >= 1, (1...12).contains(month)
        else { return nil }
        // The year before 1 is 1 BC.
        let year = isBeforeChrist ? 1 - written : written
        guard (1...Self.days(in: month, of: year)).contains(day) else { return nil }
        var seconds = days(year: year, month: month, day: day) * secondsPerDay
        var microseconds: Int64 = 0
        if fields.skip("T") || fields.skip(" ") {
            guard let hour = fields.number(digits: 2), fields.skip(":"), let minute = fields.number(digits: 2),
                fields.skip(":"), let second = fields.number(digits: 2), hour <= 24, minute < 60, second <= 60
            else { return nil }
            seconds += hour * 3600 + minute * 60 + second
            if fields.skip(".") {
                guard let fraction = fields.microseconds() else { return nil }
                microseconds = fraction
            }
            guard let offset = fields.zone() else { return nil }
            seconds -= offset
        }
        guard fields.isAtEnd else { return nil }
        return Date(
            timeIntervalSinceReferenceDate: Double(seconds - referenceSeconds)
                + Double(microseconds) / Double(microsecondsPerSecond)
        )
    }

    static func text(of date: Date) -> String {
        let scaled = (date.timeIntervalSinceReferenceDate * Double(microsecondsPerSecond)).rounded()
        // What PostgreSQL can keep at all lies well inside; beyond it the nearest end stands in.
        let limit = 9e18 - Double(referenceSeconds * microsecondsPerSecond)
        let microseconds = Int64(max(-limit, min(limit, scaled))) + referenceSeconds * microsecondsPerSecond
        let (seconds, fraction) = floored(microseconds, by: microsecondsPerSecond)
        let (days, second) = floored(seconds, by: secondsPerDay)
        let (year, month, day) = civil(days)
        let clock = [second / 3600, second / 60 % 60, second % 60].map { padded($0, 2) }.joined(separator: ":")
        let era = year < 1 ? " BC" : ""
        return
            "\(padded(year < 1 ? 1 - year : year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(clock).\(padded(fraction, 6))Z\(era)"
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func floored(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01. Years begin in March here, so that the leap day is their last.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = floored(year, by: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floored(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}

/// Reads the digits of a timestamp from left to right.
private struct Fields {
    private var rest: Substring.UTF8View

    init(_ text: Substring) {
        rest = text.utf8
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    mutating func number(digits: Int) -> Int64? {
        let text = rest.prefix { isDigit($0) }
        guard text.count >= digits, let number = Int64(String(Substring(text.prefix(digits)))) else { return nil }
        rest.removeFirst(digits)
        return number
    }

    mutating func number(minimumDigits: Int) -> Int64? {
        let count = rest.prefix { isDigit($0) }.count
        return count < minimumDigits || count > 7 ? nil : number(digits: count)
    }

    /// A fraction of a second; digits past the sixth are left out.
    mutating func microseconds() -> Int64? {
        let text = rest.prefix { isDigit($0) }
        guard !text.isEmpty else { return nil }
        rest.removeFirst(text.count)
        let digits = String(Substring(text.prefix(6)))
        return Int64(digits + String(repeating: "0", count: 6 - digits.count))
    }

    /// Seconds east of UTC: `Z`, `+00:00`, `+05:45`, `-03`, `+00:19:32`, or nothing for UTC.
    mutating func zone() -> Int64? {
        if isAtEnd || skip("Z") { return 0 }
        let sign: Int64
        if skip("+") { sign = 1 } else if skip("-") { sign = -1 } else { return nil }
        guard let hours = number(digits: 2) else { return nil }
        var seconds = hours * 3600
        for unit: Int64 in [60, 1] {
            guard skip(":") else { break }
            guard let number = number(digits: 2) else { return nil }
            seconds += number * unit
        }
        return sign * seconds
    }

    private func isDigit(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") < 10
    }
}
