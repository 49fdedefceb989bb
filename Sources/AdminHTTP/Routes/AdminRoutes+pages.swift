internal import NIOCore
internal import Observability
internal import QueryProxy

extension AdminRoutes {
    /// The pages that every server has.
    package init(hosts: HostRule, token: AdminToken, sources: AdminSources) {
        self.init(hosts: hosts)
        add("GET", "/metrics") { request in
            let format = ExpositionFormat(accept: request.accept)
            var body = ByteBufferAllocator().buffer(capacity: 64 * 1024)
            body.writeMetrics(sources.metrics(), as: format)
            return AdminResponse(contentType: format.contentType, .bytes(body))
        }
        add("GET", "/health") { _ in .health(sources.liveness()) }
        add("GET", "/ready") { _ in .health(sources.readiness()) }
        add("GET", "/health/redis") { _ in .health(await sources.redis.report()) }
        add("GET", "/health/postgres") { _ in .health(await sources.postgres.report()) }
        add("GET", "/api/v1/stats") { _ in .json(await sources.stats()) }
        add("GET", "/api/v1/config") { _ in
            AdminResponse(
                contentType: "application/toml; charset=utf-8",
                .bytes(ByteBuffer(string: sources.configuration()))
            )
        }
        add("POST", "/api/v1/invalidate") { request in
            if let refusal = token.refusal(of: request.authorization) { return refusal }
            return .proxy(await sources.invalidate(request.body))
        }
    }
}

extension AdminToken {
    /// Nil where it is allowed.
    fileprivate func refusal(of authorization: String?) -> AdminResponse? {
        let challenge = [(name: "WWW-Authenticate", value: "Bearer realm=\"cistern\"")]
        switch judge(authorization) {
        case .allowed:
            return nil
        case .notConfigured:
            return .error(
                status: 403,
                "forbidden",
                "no token is configured, so nobody may do this here: set [admin] token, or CISTERN_ADMIN_TOKEN, and start anew"
            )
        case .missing:
            return .error(
                status: 401,
                "unauthorized",
                "this needs the header \"Authorization: Bearer TOKEN\" with the token of [admin]",
                headers: challenge
            )
        case .wrong:
            return .error(status: 401, "unauthorized", "this is not the token of [admin]", headers: challenge)
        }
    }
}

extension AdminResponse {
    /// What the request path answers, with the status that fits.
    fileprivate static func proxy(_ response: Response) -> AdminResponse {
        var object = ByteBuffer(string: "{")
        response.writeHead(into: &object)
        if let body = response.body { object.writeImmutableBuffer(body) }
        object.writeStaticString("}")
        guard case .failure(let error) = response else { return .json(object) }
        return .json(status: error.code.httpStatus, object)
    }
}

extension ProxyError.Code {
    fileprivate var httpStatus: Int {
        switch self {
        case .badRequest, .sqlError: 400
        case .unauthorized: 401
        case .forbidden: 403
        case .conflict: 409
        case .requestTooLarge: 413
        case .responseTooLarge, .internal: 500
        case .timeout: 504
        case .overloaded, .postgresUnavailable, .cacheUnavailable, .shuttingDown: 503
        }
    }
}
