/// One thing that is wrong with the configuration.
package struct ConfigurationError: Error, Sendable, Equatable {
    /// From 1; nil for an environment variable, and for a file that cannot be read.
    package var line: Int?
    /// From 1, in characters (Unicode scalars); nil together with `line`.
    package var column: Int?
    /// The key with its section (`cache.memory`), or the environment variable's name; empty when it is about no key.
    package var key: String
    /// Never holds the value of a key that can hold a password.
    package var message: String

    package init(line: Int? = nil, column: Int? = nil, key: String, message: String) {
        self.line = line
        self.column = column
        self.key = key
        self.message = message
    }
}

/// Everything that is wrong with the configuration: the file's errors in the order of their positions, then those of
/// the environment. Never empty.
package struct ConfigurationErrors: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file that was read; nil for the environment alone.
    package var fileName: String?
    package var errors: [ConfigurationError]

    init(fileName: String?, _ errors: [ConfigurationError]) {
        self.fileName = fileName
        self.errors = errors.sorted {
            ($0.line ?? .max, $0.column ?? 0, $0.key) < ($1.line ?? .max, $1.column ?? 0, $1.key)
        }
    }

    /// One line for each error: `proxy.conf:12:8: cache.memory: …`, or `environment: CISTERN_CACHE_MEMORY: …`.
    package var description: String {
        errors.map { error in
            let place =
                if let line = error.line, let column = error.column {
                    "\(fileName ?? "configuration"):\(line):\(column)"
                } else {
                    error.key.isEmpty ? fileName ?? "configuration" : "environment"
                }
            return error.key.isEmpty ? "\(place): \(error.message)" : "\(place): \(error.key): \(error.message)"
        }.joined(separator: "\n")
    }
}
