internal import JSONText
internal import NIOCore
internal import QueryProxy

/// The answers that a connection gives by itself.
enum Greeting {
    static let protocolVersion = 1

    static let pong = Response.members("\"ok\":true,\"pong\":true")
    static let goodbye = Response.members("\"ok\":true,\"bye\":true")

    static let help: Response = {
        let lines = [
            "SELECT …            a statement; the same as {\"sql\":\"SELECT …\"}",
            "{\"sql\":…,\"params\":[…],\"ns\":…,\"tags\":[…],\"ttl\":…}   a statement with its fields",
            "{\"op\":\"explain\",\"sql\":…}   what would be cached, and where it is now",
            "{\"op\":\"invalidate\",\"tables\":[…]}   drop what depends on tables, tags, a pattern, a namespace",
            "{\"op\":\"get\",\"key\":\"product:42\"}   a value of the cache service; set, delete, exists, expire",
            "{\"op\":\"session.create\",\"user_id\":…}   a session; session.get, .update, .extend, .rotate, .delete, .list",
            "STATS               counters and sizes",
            "PING                is anybody there",
            "QUIT                close the connection",
        ]
        var buffer = ByteBuffer(string: "\"ok\":true,\"help\":[")
        for (index, line) in lines.enumerated() {
            if index > 0 { buffer.writeStaticString(",") }
            buffer.writeJSONString(line)
        }
        buffer.writeStaticString("]")
        return .members(buffer)
    }()

    static func hello(_ configuration: LineServerConfiguration) -> Response {
        var buffer = ByteBuffer(string: "\"ok\":true,\"server\":\"cistern\",\"version\":")
        buffer.writeJSONString(configuration.version)
        buffer.writeString(",\"protocol\":\(protocolVersion),\"auth_required\":false,\"limits\":{")
        buffer.writeString("\"max_request_bytes\":\(configuration.maximumRequestBytes),")
        buffer.writeString("\"max_result_bytes\":\(configuration.maximumResultBytes),")
        buffer.writeString("\"max_in_flight\":\(configuration.maximumInFlight),")
        buffer.writeString("\"max_connections\":\(configuration.maximumConnections)}")
        return .members(buffer)
    }
}
