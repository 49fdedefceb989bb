package import NIOCore
package import QueryProxy

extension InvalidateRequest {
    /// Reads the fields of the op `invalidate` from a JSON object, as a line has them, without `op` and `id`.
    ///
    /// - Throws: `bad_request`, which names what is wrong.
    package init(json: ByteBuffer) throws(ProxyError) {
        let result = json.withUnsafeReadableBytes { bytes -> Result<InvalidateRequest, ProxyError> in
            do throws(RequestFieldError) {
                var object = try RequestObject(bytes)
                let request = try InvalidateRequest(&object)
                if let name = object.unreadName { throw RequestFieldError("unknown field \"\(name)\"") }
                return .success(request)
            } catch {
                return .failure(ProxyError(.badRequest, error.message))
            }
        }
        self = try result.get()
    }
}
