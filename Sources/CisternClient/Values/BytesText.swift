internal import Foundation

/// `bytea` as PostgreSQL writes it in its hexadecimal form, `\x48690a`. Base 64, which other encoders write, is read too;
/// it never begins with a backslash.
enum BytesText {
    static func text(of data: Data) -> String {
        "\\x" + data.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    static func data(from text: String) -> Data? {
        guard text.hasPrefix("\\x") else { return Data(base64Encoded: text) }
        let digits = text.utf8.dropFirst(2)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var data = Data(capacity: digits.count / 2)
        var high: UInt8?
        for digit in digits {
            guard let value = Character(Unicode.Scalar(digit)).hexDigitValue.map({ UInt8($0) }) else { return nil }
            if let first = high {
                data.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return data
    }
}
