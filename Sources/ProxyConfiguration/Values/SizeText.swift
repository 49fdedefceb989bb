/// Sizes as people write them: `64MB`, `512kB`, or a number of bytes. Units are powers of 1024, as in postgresql.conf.
enum SizeText {
    static let forms = "a size such as \"512kB\", \"64MB\" or \"1GB\", or a number of bytes"

    private static let units: [(name: String, shift: Int)] = [("TB", 40), ("GB", 30), ("MB", 20), ("kB", 10), ("B", 0)]

    static func parse(_ text: String) throws(ValueError) -> Int {
        if text.first == "-" { throw ValueError("must not be negative") }
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let name = text.dropFirst(digits.count).drop { $0 == " " }.lowercased()
        guard !digits.isEmpty, let shift = shift(of: name) else { throw ValueError("must be \(forms)") }
        guard let count = Int(digits), count <= Int.max >> shift else { throw ValueError("is too large") }
        return count << shift
    }

    /// With the largest unit that leaves no remainder.
    static func format(_ bytes: Int) -> String {
        for unit in units where bytes != 0 && bytes & ((1 << unit.shift) - 1) == 0 {
            return "\(bytes >> unit.shift)\(unit.name)"
        }
        return "0"
    }

    private static func shift(of name: String) -> Int? {
        if name.isEmpty { return 0 }
        return units.first { unit in
            let short = unit.name.lowercased()
            // "MiB" says what "MB" means here.
            return name == short || unit.shift > 0 && name == "\(short.prefix(1))ib"
        }?.shift
    }
}
