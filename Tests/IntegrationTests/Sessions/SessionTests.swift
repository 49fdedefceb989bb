import Foundation
import JSONText
import ProcessSupport
import Testing

extension Answer {
    fileprivate struct Unexpected: Error {
        let answer: Answer
    }
}

@Suite("Sessions")
struct SessionTests {
    /// A client that creates sessions and asks after them.
    private struct Caller: Sendable {
        let client: LineClient

        init(_ client: LineClient) { self.client = client }

        func create(_ user: String = "7", _ members: String = "") async throws -> String {
            let answer = try await client.ask(#"{"op":"session.create","user_id":"\#(user)"\#(members)}"#)
            return try #require(answer.json["session_id"]?.string, "\(answer)")
        }

        func ask(_ operation: String, _ id: String, _ members: String = "") async throws -> Answer {
            try await client.ask(#"{"op":"session.\#(operation)","session_id":"\#(id)"\#(members)}"#)
        }

        func isThere(_ id: String) async throws -> Bool {
            let answer = try await ask("get", id)
            guard case .bool(let isFound)? = answer.json["found"] else { throw Answer.Unexpected(answer: answer) }
            return isFound
        }

        func list(_ user: String = "7") async throws -> [String] {
            let answer = try await client.ask(#"{"op":"session.list","user_id":"\#(user)"}"#)
            return try #require(answer.json["sessions"]?.array, "\(answer)").compactMap { $0["session_id"]?.string }
        }

        func deleteUser(_ user: String = "7") async throws -> Int {
            try #require(
                try await client.ask(#"{"op":"session.delete_user","user_id":"\#(user)"}"#).json["deleted"]?.int
            )
        }
    }

    @Test("From creation to the end, every operation")
    func everyOperation() async throws {
        try await Site.open { site in
            let caller = Caller(try await site.client())
            let data = #"{"b":1.50,"a":[12345678901234567890, "é"],"b":2}"#
            let id = try await caller.create("7", #","data":\#(data),"ttl":100"#)
            #expect(id.utf8.count == 44)
            let found = try await caller.ask("get", id)
            #expect(found.text.hasSuffix(#","version":1,"data":\#(data)}}"#), "\(found)")
            let session = found.json["session"]
            #expect(session?["user_id"]?.string == "7" && session?["kind"]?.string == "sessions")
            let times = try ["created_at", "last_seen_at", "expires_at"].map { name in
                let text = try #require(session?[name]?.string)
                return try Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
            }
            #expect(abs(times[0].timeIntervalSinceNow) < 10 && times[1] >= times[0])
            #expect(abs(times[2].timeIntervalSince(times[0]) - 100) < 0.001)
            let changed = try await caller.ask("update", id, #","data":[ ],"version":1"#)
            #expect(changed.text == #"{"ok":true,"updated":true,"version":2}"#)
            let lost = try await caller.ask("update", id, #","data":[1],"version":1"#)
            #expect(lost.code == "conflict", "\(lost)")
            #expect(try await caller.ask("get", id).text.hasSuffix(#""version":2,"data":[ ]}}"#))
            let extended = try await caller.ask("extend", id, #","ttl":200"#)
            #expect(extended.json["extended"]?.bool == true && extended.json["expires_at"]?.string != nil)
            #expect(try await caller.list() == [id])
            #expect(try await caller.ask("delete", id).text == #"{"ok":true,"deleted":true}"#)
            #expect(try await caller.ask("delete", id).text == #"{"ok":true,"deleted":false}"#)
            #expect(try await caller.ask("get", id).text == #"{"ok":true,"found":false}"#)
            #expect(try await caller.ask("update", id, #","data":1"#).text == #"{"ok":true,"updated":false}"#)
            #expect(try await caller.ask("extend", id).text == #"{"ok":true,"extended":false}"#)
            #expect(try await caller.list().isEmpty)
        }
    }

    @Test("A session ended on one proxy is gone on the other at once")
    func twoProxies() async throws {
        try await Site.open { site in
            let (first, second) = try await site.pair()
            let (one, other) = (Caller(first), Caller(second))
            for _ in 0..<50 {
                let id = try await one.create()
                #expect(try await other.isThere(id))
                #expect(try await one.ask("delete", id).json["deleted"]?.bool == true)
                #expect(try await !other.isThere(id))
            }
            let ids = [try await one.create(), try await other.create()]
            #expect(try await one.deleteUser() == 2)
            for id in ids { #expect(try await !other.isThere(id)) }
        }
    }

    @Test("The end comes by itself, no later than the longest lifetime, and nothing is left in Redis")
    func expiry() async throws {
        try await Site.open(redis: .own) { site in
            let proxy = try await site.proxy(["CISTERN_SESSIONS_TTL": "300ms", "CISTERN_SESSIONS_MAX_LIFETIME": "1s"])
            let caller = Caller(try await proxy.client())
            let before = try await Tool.redis(site.redisURL, "DBSIZE")
            let start = ContinuousClock.now
            let short = try await caller.create()
            let long = try await caller.create("7", #","ttl":60"#)
            #expect(try await caller.isThere(short))
            let isGone = try await eventually(within: .seconds(5)) { try await !caller.isThere(short) }
            #expect(isGone)
            #expect(start.duration(to: .now) >= .milliseconds(300))
            #expect(try await caller.list() == [long])
            // However often it is extended.
            let isOver = try await eventually(within: .seconds(5)) {
                try await caller.ask("extend", long, #","ttl":60"#).json["extended"]?.bool == false
            }
            #expect(isOver)
            #expect(start.duration(to: .now) < .seconds(4))
            #expect(try await caller.list().isEmpty)
            let isClean = try await eventually(within: .seconds(5)) {
                try await Tool.redis(site.redisURL, "DBSIZE") == before
            }
            #expect(isClean)
        }
    }

    @Test("Kinds live as the table says; the user's id comes back as it was given")
    func kinds() async throws {
        try await Site.open { site in
            let client = try await site.client()
            let created = try await client.ask(#"{"op":"session.create","user_id":42,"kind":"refresh_tokens"}"#)
            let text = try #require(created.json["expires_at"]?.string)
            let end = try Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
            #expect(abs(end.timeIntervalSinceNow - 604_800) < 10)
            let id = try #require(created.json["session_id"]?.string)
            let found = try await client.ask(#"{"op":"session.get","session_id":"\#(id)"}"#)
            #expect(found.text.contains(#""session":{"user_id":42,"kind":"refresh_tokens","#), "\(found)")
            let unknown = try await client.ask(#"{"op":"session.create","user_id":42,"kind":"refresh_token"}"#)
            #expect(unknown.code == "bad_request" && unknown.message.contains("unknown kind"), "\(unknown)")
        }
    }

    @Test("Rotation: the old id is refused, and showing it again ends the session, is answered and logged")
    func rotation() async throws {
        try await Site.open { site in
            let proxy = try await site.proxy()
            let caller = Caller(try await proxy.client())
            let first = try await caller.create("7", #","data":{"scope":"all"},"kind":"refresh_tokens""#)
            let answer = try await caller.ask("rotate", first)
            let second = try #require(answer.json["session_id"]?.string, "\(answer)")
            #expect(second != first && answer.json["rotated"]?.bool == true)
            #expect(try await !caller.isThere(first))
            #expect(try await caller.ask("get", second).text.contains(#""data":{"scope":"all"}"#))
            #expect(try await caller.list() == [second])
            let reused = try await caller.ask("rotate", first)
            #expect(reused.text == #"{"ok":true,"rotated":false,"reused":true,"user_id":"7"}"#)
            #expect(try await !caller.isThere(second))
            #expect(try await caller.list().isEmpty)
            let again = try await caller.ask("rotate", second)
            #expect(again.text == #"{"ok":true,"rotated":false,"reused":false}"#)
            let logged = proxy.log.components(separatedBy: "shown again after it had been replaced").count - 1
            #expect(logged == 1, "\(proxy.log)")
            for id in [first, second] {
                #expect(
                    !proxy.log.contains(id) && !proxy.log.contains(id.prefix(22)) && !proxy.log.contains(id.suffix(22))
                )
            }
            #expect(proxy.log.contains(first.prefix(6)))
        }
    }

    @Test("Of twenty who rotate one id at once, one wins")
    func concurrentRotation() async throws {
        try await Site.open { site in
            let proxy = try await site.proxy()
            let caller = Caller(try await proxy.client())
            let id = try await caller.create()
            let outcomes = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<20 {
                    group.addTask { try await Caller(proxy.client()).ask("rotate", id).json["rotated"]?.bool == true }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(outcomes == 1)
        }
    }

    @Test("Redis away: every operation is cache_unavailable; back and empty, nobody is logged in")
    func redisAway() async throws {
        try await Site.open(redis: .own) { site in
            let redis = try #require(site.ownRedis)
            let caller = Caller(try await site.client())
            let id = try await caller.create()
            #expect(try await caller.isThere(id))
            await redis.stop()
            for (operation, members) in [
                ("get", ""), ("update", #","data":1"#), ("extend", ""), ("delete", ""), ("rotate", ""),
            ] { #expect(try await caller.ask(operation, id, members).code == "cache_unavailable", "\(operation)") }
            for operation in ["create", "list", "delete_user"] {
                let answer = try await caller.client.ask(#"{"op":"session.\#(operation)","user_id":"7"}"#)
                #expect(answer.code == "cache_unavailable", "\(operation)")
            }
            try await redis.start()
            let isBack = try await eventually(within: .seconds(5)) { try await caller.ask("get", id).isOK }
            #expect(isBack)
            #expect(try await !caller.isThere(id))
        }
    }

    @Test("An index that Redis lost takes its sessions along; a session that Redis lost leaves the index")
    func lostKeys() async throws {
        try await Site.open(redis: .own) { site in
            let caller = Caller(try await site.client())
            let (one, other) = (try await caller.create(), try await caller.create())
            let prefix = "\(site.name):cistern:"
            #expect(try await Tool.redis(site.redisURL, "DEL", "\(prefix)s:\(one.prefix(22))") == "1")
            #expect(try await caller.list() == [other])
            #expect(try await Tool.redis(site.redisURL, "ZCARD", "\(prefix)u:7") == "1")
            #expect(try await Tool.redis(site.redisURL, "DEL", "\(prefix)u:7") == "1")
            #expect(try await !caller.isThere(other))
            #expect(try await Tool.redis(site.redisURL, "EXISTS", "\(prefix)s:\(other.prefix(22))") == "0")
        }
    }

    @Test("No pattern, key or value reaches a session")
    func outOfReach() async throws {
        try await Site.open { site in
            let caller = Caller(try await site.client())
            let id = try await caller.create()
            let name = "cistern:s:\(id.prefix(22))"
            for line in [
                #"{"op":"invalidate","pattern":"*"}"#, #"{"op":"invalidate","pattern":"cistern:*"}"#,
                #"{"op":"invalidate","keys":["\#(name)"],"tags":["\#(name)"],"all":true}"#,
            ] { #expect(try await caller.client.ask(line).isOK) }
            for line in [
                #"{"op":"get","key":"\#(name)"}"#, #"{"op":"delete","key":"\#(name)"}"#,
                #"{"op":"set","key":"\#(name)","value":1}"#, #"{"op":"expire","key":"\#(name)","ttl":0}"#,
            ] { #expect(try await caller.client.ask(line).code == "bad_request") }
            #expect(try await caller.isThere(id))
        }
    }

    @Test("What is not an id is not there, and what cannot be is refused")
    func mistakes() async throws {
        try await Site.open { site in
            let caller = Caller(try await site.client(["CISTERN_CACHE_MAX_ENTRY_BYTES": "1000"]))
            let id = try await caller.create()
            for text in [
                "", "*", "x", String(id.dropLast()), id + "A", String(id.reversed()), "\\u0000", String(id.prefix(22)),
            ] {
                #expect(try await !caller.isThere(text))
            }
            let large = String(repeating: "x", count: 1000)
            for (members, code) in [
                (#""op":"session.create""#, "bad_request"), (#""op":"session.create","user_id":"""#, "bad_request"),
                (#""op":"session.create","user_id":1.5"#, "bad_request"),
                (#""op":"session.create","user_id":["7"]"#, "bad_request"),
                (#""op":"session.create","user_id":"7","ttl":0"#, "bad_request"),
                (#""op":"session.create","user_id":"7","ttl":-5"#, "bad_request"),
                (#""op":"session.create","user_id":"7","data":{"x":1}}"#, "bad_request"),
                (#""op":"session.create","user_id":"7","data":"\#(large)""#, "request_too_large"),
                (#""op":"session.update","session_id":"\#(id)""#, "bad_request"),
                (#""op":"session.update","session_id":"\#(id)","data":1,"version":0"#, "bad_request"),
                (#""op":"session.extend","session_id":"\#(id)","ttl":0"#, "bad_request"),
                (#""op":"session.get","session_id":5"#, "bad_request"),
                (#""op":"session.gett","session_id":"x""#, "bad_request"),
                (#""op":"session.get","session_id":"x","user_id":"7""#, "bad_request"),
            ] { #expect(try await caller.client.ask("{\(members)}").code == code, "\(members.prefix(100))") }
            // A user's name with whatever means something to Redis.
            for user in ["*", "a:b", "é ", "[x]"] {
                let mine = try await caller.create(user)
                #expect(try await caller.list(user) == [mine])
                #expect(try await caller.deleteUser(user) == 1)
            }
            #expect(try await caller.isThere(id))
        }
    }

    @Test("In memory, where that was chosen, with a warning; without Redis and without that choice, not at all")
    func inMemory() async throws {
        try await Site.open(redis: .none) { site in
            let proxy = try await site.proxy(["CISTERN_SESSIONS_STORE": "memory"])
            let caller = Caller(try await proxy.client())
            let id = try await caller.create()
            #expect(try await caller.isThere(id))
            #expect(try await caller.list() == [id])
            #expect(try await caller.deleteUser() == 1)
            #expect(proxy.log.contains("sessions are kept in this process's memory"))
            let other = try await site.client()
            let answer = try await other.ask(#"{"op":"session.create","user_id":"7"}"#)
            #expect(answer.code == "cache_unavailable" && answer.message.contains("sessions.store"), "\(answer)")
        }
    }

    @Test("Many sessions of one user are listed and ended whole")
    func manySessions() async throws {
        try await Site.open(redis: .own) { site in
            let caller = Caller(try await site.client())
            let before = try await Tool.redis(site.redisURL, "DBSIZE")
            var ids: Set<String> = []
            for _ in 0..<1200 { ids.insert(try await caller.create()) }
            #expect(Set(try await caller.list()) == ids)
            // Those that Redis lost leave the index on the way, and hide no others.
            let lose = """
                local lost = 0
                for _, key in ipairs(redis.call('KEYS', ARGV[1] .. 'cistern:s:*')) do
                    if lost < 100 then lost = lost + redis.call('DEL', key) end
                end
                return lost
                """
            #expect(try await Tool.redis(site.redisURL, "EVAL", lose, "0", "\(site.name):") == "100")
            let left = try await caller.list()
            #expect(left.count == 1100 && ids.isSuperset(of: left))
            #expect(try await caller.deleteUser() == 1100)
            #expect(try await caller.list().isEmpty)
            #expect(try await Tool.redis(site.redisURL, "DBSIZE") == before)
        }
    }
}
