internal import ArgumentParser
internal import JSONText

/// Why a command ends, in words for the person who gave it.
struct CommandFailure: Error, Equatable {
    var message: String
    var code: ExitCode

    init(_ message: String, _ code: ExitCode = .failure) {
        self.message = message
        self.code = code
    }
}

/// A server's answer that is no error.
struct Answer {
    /// As it came.
    let text: String
    let value: JSONValue

    /// - Throws: the server's error, in words.
    init(_ text: String) throws(CommandFailure) {
        guard let value = try? JSONValue(parsing: text) else {
            throw CommandFailure("the server answered what is not JSON: \(text.prefix(200))", .protocolError)
        }
        self.text = text
        self.value = value
        if value["ok"]?.bool == true { return }
        let error = value["error"]
        let code = error?["code"]?.string ?? "error"
        var message = "\(code): \(error?["message"]?.string ?? text)"
        if let state = error?["sqlstate"]?.string { message += " (SQLSTATE \(state))" }
        if let position = error?["position"]?.int { message += " at character \(position)" }
        for name in ["detail", "hint"] {
            if let line = error?[name]?.string { message += "\n\(name): \(line)" }
        }
        if let advice = Self.advice[code] { message += "\n\(advice)" }
        throw CommandFailure(message)
    }

    /// What to look at, where the message does not say.
    private static let advice = [
        "postgres_unavailable":
            "The proxy runs, but PostgreSQL does not answer it: see `cistern stats`, and the proxy's log.",
        "cache_unavailable": "The proxy runs, but Redis does not answer it: see `cistern stats`, and the proxy's log.",
        "shutting_down": "The proxy is being stopped or restarted: try again in a moment.",
        "overloaded": "Too much is under way: `cistern top` shows where it waits.",
    ]

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

    /// A number, whole or not.
    var double: Double? {
        if case .number(let digits) = self { Double(digits) } else { nil }
    }
}
