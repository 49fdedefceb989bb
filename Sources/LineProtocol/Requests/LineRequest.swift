package import QueryProxy

/// What one line asks for.
package struct LineRequest: Equatable, Sendable {
    package enum Operation: Equatable, Sendable {
        case proxy(ProxyRequest)
        case ping, hello, help, quit
    }

    /// The `id` as it was written, quotes included; nil where there is none.
    package var id: String?
    package var operation: Operation

    package init(id: String? = nil, operation: Operation) {
        self.id = id
        self.operation = operation
    }
}

/// A line that asks for nothing that can be done.
package struct LineRequestError: Error, Equatable, Sendable {
    /// Present where the line could be read far enough to tell.
    package var id: String?
    package var error: ProxyError
}
