/// One key of a section: what it is called, how it is read and written, and what it means.
///
/// The file, the environment, the refusal of unknown keys and the printed configuration all come from here.
struct ConfigurationKey<Root: Sendable>: Sendable {
    let name: String
    /// One line.
    let meaning: String
    /// Another environment variable than `CISTERN_SECTION_KEY` that sets it.
    let variable: String?
    let setNode: @Sendable (inout Root, TOMLNode) throws(ValueError) -> Void
    let setText: @Sendable (inout Root, String) throws(ValueError) -> Void
    /// The value in TOML; nil when the key is to be left out.
    let toTOML: @Sendable (Root) -> String?
    /// Replaces what is secret in the value.
    let mask: @Sendable (inout Root) -> Void
    /// Takes the value over from another.
    let copy: @Sendable (inout Root, Root) -> Void

    init<Value: Sendable>(
        _ name: String,
        _ path: any WritableKeyPath<Root, Value> & Sendable,
        _ kind: ValueKind<Value>,
        variable: String? = nil,
        mask: @escaping @Sendable (Value) -> Value = { $0 },
        _ meaning: String
    ) {
        self.name = name
        self.meaning = meaning
        self.variable = variable
        setNode = { root, node throws(ValueError) in root[keyPath: path] = try kind.fromNode(node) }
        setText = { root, text throws(ValueError) in root[keyPath: path] = try kind.fromText(text) }
        toTOML = { kind.toTOML($0[keyPath: path]) }
        copy = { $0[keyPath: path] = $1[keyPath: path] }
        self.mask = { $0[keyPath: path] = mask($0[keyPath: path]) }
    }
}

/// A table of the file whose keys are known beforehand.
struct ConfigurationSection: Sendable {
    let name: String
    let keys: [ConfigurationKey<ProxyConfiguration>]
}
