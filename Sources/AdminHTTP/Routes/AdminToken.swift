/// What allows a client to change something.
package struct AdminToken: Sendable {
    package enum Judgement: Sendable, Equatable {
        case allowed
        /// There is no token, so nobody may.
        case notConfigured
        /// None was shown.
        case missing
        case wrong
    }

    private let token: [UInt8]?

    /// - Parameter token: nil or empty where none is configured.
    package init(_ token: String?) {
        self.token = token.flatMap { $0.isEmpty ? nil : Array($0.utf8) }
    }

    /// - Parameter authorization: the header: `Bearer TOKEN`.
    package func judge(_ authorization: String?) -> Judgement {
        guard let token else { return .notConfigured }
        guard let authorization, !authorization.isEmpty else { return .missing }
        let parts = authorization.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return .wrong }
        return Self.isEqual(Array(parts[1].utf8), token) ? .allowed : .wrong
    }

    /// Takes as long for whatever is shown of one length: the time must not tell how much of it was right.
    private static func isEqual(_ shown: [UInt8], _ token: [UInt8]) -> Bool {
        var difference = shown.count ^ token.count
        for (index, byte) in shown.enumerated() { difference |= Int(byte ^ token[index % token.count]) }
        return difference == 0
    }
}
