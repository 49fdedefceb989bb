import NIOCore

@testable import RedisClient

/// What a server says during a handshake.
enum ServerReplies {
    static let ok = RESPValue.simpleString(ByteBuffer(string: "OK"))
    static let pong = RESPValue.simpleString(ByteBuffer(string: "PONG"))
    static let hello = RESPValue.map([RESPValue.Pair(key: text("proto"), value: .integer(3))])
    static let replication = text("# Replication\r\nrole:master\r\nmaster_replid:8371b4fb1155b71f\r\n")
    static let redis7 = server("redis_version:7.0.15", "run_id:run-1")
    static let identity = RedisServerIdentity(
        runID: "run-1",
        replicationID: "8371b4fb1155b71f",
        version: "7.0.15",
        isValkey: false
    )

    static func text(_ text: String) -> RESPValue { .bulkString(ByteBuffer(string: text)) }

    static func server(_ fields: String...) -> RESPValue {
        text("# Server\r\n" + fields.map { $0 + "\r\n" }.joined())
    }

    static func identity(run: String) -> RedisServerIdentity {
        RedisServerIdentity(runID: run, replicationID: "", version: "7.0.15", isValkey: false)
    }
}

extension RedisHandshake.Settings {
    /// Without a client name, which most transcripts do not care for.
    static let plain = RedisHandshake.Settings()
}
