internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// Between Hummingbird's requests and the pages.
struct AdminResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    /// Bytes. What comes in is a list of names to invalidate.
    private static let largestBody = 64 * 1024

    let routes: AdminRoutes

    func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: Self.largestBody)
        } catch {
            let refusal = AdminResponse.error(
                status: 413,
                "request_too_large",
                "the body is longer than \(Self.largestBody) bytes"
            )
            return refusal.http(isHead: false)
        }
        let question = AdminRequest(
            request.method.rawValue,
            request.uri.path,
            query: request.uri.query,
            host: request.head.authority,
            authorization: request.headers[.authorization],
            accept: request.headers[.accept],
            body: body
        )
        return await routes.response(to: question).http(isHead: request.method == .head)
    }
}

extension AdminResponse {
    fileprivate func http(isHead: Bool) -> Response {
        var fields = HTTPFields()
        fields[.contentType] = contentType
        // What is shown here is of this moment, and for nobody's frame or script.
        fields[.cacheControl] = "no-store"
        fields[.xContentTypeOptions] = "nosniff"
        for (name, value) in headers {
            if let name = HTTPField.Name(name) { fields[name] = value }
        }
        let status = HTTPResponse.Status(code: status)
        switch body {
        case .bytes(let bytes):
            let response = Response(status: status, headers: fields, body: ResponseBody(byteBuffer: bytes))
            return isHead ? response.createHeadResponse() : response
        case .stream(let stream):
            let body = isHead ? ResponseBody() : ResponseBody(asyncSequence: stream)
            return Response(status: status, headers: fields, body: body)
        }
    }
}
