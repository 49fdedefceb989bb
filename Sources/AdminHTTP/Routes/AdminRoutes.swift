/// Which page answers what.
///
/// Before a page is asked, the name by which the client calls the server is looked at (``HostRule``).
package struct AdminRoutes: Sendable {
    package typealias Page = @Sendable (AdminRequest) async -> AdminResponse

    private let hosts: HostRule
    private var pages: [String: [String: Page]] = [:]

    package init(hosts: HostRule) {
        self.hosts = hosts
    }

    /// - Parameter method: `GET` answers `HEAD` too.
    package mutating func add(_ method: String, _ path: String, _ page: @escaping Page) {
        pages[path, default: [:]][method] = page
    }

    package func response(to request: AdminRequest) async -> AdminResponse {
        guard hosts.admits(request.host) else {
            return .error(
                status: 403,
                "forbidden",
                "this server listens on the loopback address and answers to that, or to localhost, only"
            )
        }
        guard let methods = pages[request.path] else {
            let paths = pages.keys.sorted().joined(separator: ", ")
            return .error(status: 404, "not_found", "there is no page \(request.path); there are \(paths)")
        }
        guard let page = methods[request.method == "HEAD" ? "GET" : request.method] else {
            let allowed = (Array(methods.keys) + (methods["GET"] == nil ? [] : ["HEAD"])).sorted()
                .joined(separator: ", ")
            return .error(
                status: 405,
                "method_not_allowed",
                "\(request.path) takes \(allowed)",
                headers: [("Allow", allowed)]
            )
        }
        return await page(request)
    }
}

/// By which names the server may be called.
///
/// A server on the loopback address is out of reach for others, but not for a browser on this machine: a page from elsewhere
/// whose name is made to lead to 127.0.0.1 could read everything here. Its requests carry that name, so a name other than
/// an address or `localhost` is refused.
package enum HostRule: Sendable {
    case any
    case loopback

    /// - Parameter listeningOn: a name or an address.
    package init(listeningOn host: String) {
        let isLoopback = host == "localhost" || host == "::1" || host.hasPrefix("127.")
        self = isLoopback ? .loopback : .any
    }

    /// - Parameter host: the header, with or without a port. A client that sends none is no browser.
    func admits(_ host: String?) -> Bool {
        guard case .loopback = self, let host, !host.isEmpty else { return true }
        if host.hasPrefix("[") { return true }
        let name = host.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)[0].lowercased()
        if name == "localhost" { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }
}
