package import NIOCore

/// What a page is asked.
package struct AdminRequest: Sendable {
    package var method: String
    /// Without the query.
    package var path: String
    package var query: String?
    /// As the client names the server; nil where it does not.
    package var host: String?
    package var authorization: String?
    package var accept: String?
    package var body: ByteBuffer

    package init(
        _ method: String,
        _ path: String,
        query: String? = nil,
        host: String? = nil,
        authorization: String? = nil,
        accept: String? = nil,
        body: ByteBuffer = ByteBuffer()
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.host = host
        self.authorization = authorization
        self.accept = accept
        self.body = body
    }
}
