/// Why a value cannot be what its key takes. Reads after the key's name: "must be …".
struct ValueError: Error, Equatable {
    var message: String
    /// Where in a list the value stands; nil for the value as a whole.
    var index: Int?
    /// Where in a table the value stands; nil for the value as a whole.
    var position: SourcePosition?

    init(_ message: String, at index: Int? = nil, position: SourcePosition? = nil) {
        self.message = message
        self.index = index
        self.position = position
    }
}
