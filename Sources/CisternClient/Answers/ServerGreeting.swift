/// What a server says of itself.
public struct ServerGreeting: Hashable, Sendable {
    public struct Limits: Hashable, Sendable {
        /// Bytes of a request's line.
        public let maximumRequestBytes: Int
        /// Bytes of a result.
        public let maximumResultBytes: Int?
        /// Requests of one connection that run at once.
        public let maximumInFlight: Int
        public let maximumConnections: Int?
    }

    public let version: String
    /// Of the line protocol.
    public let protocolVersion: Int
    public let requiresAuthentication: Bool
    public let limits: Limits

    init(_ answer: Answer) throws(CisternError) {
        version = try answer.string("version")
        protocolVersion = try answer.int("protocol")
        if protocolVersion != 1 {
            throw .bad("is that of version \(protocolVersion) of the protocol; this client speaks version 1")
        }
        requiresAuthentication = answer.optional("auth_required")?.bool ?? false
        let limits = try answer.object("limits")
        self.limits = Limits(
            maximumRequestBytes: try limits.int("max_request_bytes"),
            maximumResultBytes: limits.optional("max_result_bytes")?.int,
            maximumInFlight: try limits.int("max_in_flight"),
            maximumConnections: limits.optional("max_connections")?.int
        )
    }
}
