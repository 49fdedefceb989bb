internal import ArgumentParser
internal import JSONText

/// A server's answer that is no error.
struct Answer {
    let value: JSONValue

    /// - Throws: an exit with status 1 after the server's error has been printed.
    init(_ text: String) throws {
        guard let value = try? JSONValue(parsing: text) else {
            complain("the server answered what is not JSON: \(text)")
            throw ExitCode.failure
        }
        self.value = value
        if value["ok"]?.bool == true { return }
        let error = value["error"]
        var message = "\(error?["code"]?.string ?? "error"): \(error?["message"]?.string ?? text)"
        if let state = error?["sqlstate"]?.string { message += " (SQLSTATE \(state))" }
        if let position = error?["position"]?.int { message += " at character \(position)" }
        for name in ["detail", "hint"] {
            if let line = error?[name]?.string { message += "\n\(name): \(line)" }
        }
        complain(message)
        throw ExitCode.failure
    }

    var members: [(key: String, value: JSONValue)] {
        if case .object(let members) = value { members } else { [] }
    }
}

extension JSONValue {
    /// A string without its quotes, everything else as JSON.
    var plainText: String {
        switch self {
        case .string(let text): text
        case .array(let elements) where elements.allSatisfy({ $0.string != nil }):
            elements.compactMap(\.string).joined(separator: ", ")
        case .null, .bool, .number, .array, .object: jsonText
        }
    }
}

extension Duration {
    /// `0.52 ms`.
    var shownInMilliseconds: String {
        let microseconds = components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
        let hundredths = (microseconds + 5) / 10
        let fraction = String(100 + hundredths % 100).dropFirst()
        return "\(hundredths / 100).\(fraction) ms"
    }
}
