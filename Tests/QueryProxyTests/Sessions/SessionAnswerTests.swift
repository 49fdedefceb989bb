import Foundation
import NIOCore
import Sessions
import Synchronization
import Testing

@testable import QueryProxy

/// What is answered about sessions, over memory, with a clock that the tests move.
@Suite struct SessionAnswerTests {
    private final class Clock: SessionClock {
        let time = Atomic<Int64>(1_764_031_580_181)
        var now: Int64 { time.load(ordering: .relaxed) }
    }

    private let clock = Clock()
    private let fixture: ProxyFixture

    init() {
        fixture = ProxyFixture(
            [
                "sessions": NamespaceSettings(ttl: 3_600_000), "refresh_tokens": NamespaceSettings(ttl: 86_400_000),
                "never": NamespaceSettings(ttl: 0),
            ],
            sessions: MemorySessionStore(maximumLifetime: 7_200_000, clock: clock)
        )
    }

    private func ask(_ request: SessionRequest) async throws -> String {
        String(buffer: try await fixture.proxy.answer(to: request))
    }

    private func create(
        _ user: SessionRequest.User = .init("7"),
        kind: String? = nil,
        data: String? = nil,
        ttl: Double? = nil
    ) async throws -> (id: String, answer: String) {
        let answer = try await ask(.create(user, kind: kind, data: data.map { ByteBuffer(string: $0) }, ttl: ttl))
        let id = answer.components(separatedBy: "\"session_id\":\"").last?.prefix(44)
        return (String(id ?? ""), answer)
    }

    @Test func fromCreationToTheEnd() async throws {
        let (id, answer) = try await create(data: "{\"b\":1.0, \"a\":[]}")
        #expect(answer == "\"ok\":true,\"session_id\":\"\(id)\",\"expires_at\":\"2025-11-25T01:46:20.181Z\"")
        clock.time.add(1000, ordering: .relaxed)
        let expected =
            "\"ok\":true,\"found\":true,\"session\":{\"user_id\":\"7\",\"kind\":\"sessions\","
            + "\"created_at\":\"2025-11-25T00:46:20.181Z\",\"last_seen_at\":\"2025-11-25T00:46:21.181Z\","
            + "\"expires_at\":\"2025-11-25T01:46:20.181Z\",\"version\":1,\"data\":{\"b\":1.0, \"a\":[]}}"
        #expect(try await ask(.get(id: id)) == expected)
        let changed = try await ask(.update(id: id, data: ByteBuffer(string: "1"), version: 1))
        #expect(changed == "\"ok\":true,\"updated\":true,\"version\":2")
        let extended = try await ask(.extend(id: id, ttl: nil))
        #expect(extended == "\"ok\":true,\"extended\":true,\"expires_at\":\"2025-11-25T01:46:21.181Z\"")
        #expect(try await ask(.delete(id: id)) == "\"ok\":true,\"deleted\":true")
        #expect(try await ask(.get(id: id)) == "\"ok\":true,\"found\":false")
        #expect(
            try await ask(.update(id: id, data: ByteBuffer(string: "1"), version: 2)) == "\"ok\":true,\"updated\":false"
        )
        #expect(try await ask(.extend(id: id, ttl: nil)) == "\"ok\":true,\"extended\":false")
        #expect(try await ask(.delete(id: id)) == "\"ok\":true,\"deleted\":false")
    }

    @Test func kindsLiveAsLongAsTheTableSaysWithinTheBound() async throws {
        #expect(try await create(kind: "refresh_tokens").answer.hasSuffix("T02:46:20.181Z\""))
        #expect(try await create(ttl: 60).answer.hasSuffix("T00:47:20.181Z\""))
        for (kind, ttl) in [("refresh_token", nil), ("never", nil), ("sessions", 0), ("sessions", 1e12)]
            as [(String, Double?)]
        {
            await #expect {
                _ = try await create(kind: kind, ttl: ttl)
            } throws: {
                ($0 as? ProxyError)?.code == .badRequest
            }
        }
    }

    @Test func aUserIsGivenBackAsItCame() async throws {
        let (one, two) = (try await create(.init("42")).id, try await create(.init("42", isNumber: true)).id)
        #expect(try await ask(.get(id: one)).contains("\"user_id\":\"42\""))
        #expect(try await ask(.get(id: two)).contains("\"user_id\":42,"))
        #expect(try await ask(.deleteUser(.init("42", isNumber: true))) == "\"ok\":true,\"deleted\":2")
    }

    @Test func theListHoldsIdsAndTimesButNoData() async throws {
        let id = try await create(data: "\"secret\"").id
        let expected =
            "\"ok\":true,\"sessions\":[{\"session_id\":\"\(id)\",\"kind\":\"sessions\","
            + "\"created_at\":\"2025-11-25T00:46:20.181Z\",\"last_seen_at\":\"2025-11-25T00:46:20.181Z\","
            + "\"expires_at\":\"2025-11-25T01:46:20.181Z\"}]"
        #expect(try await ask(.list(.init("7"))) == expected)
        #expect(try await ask(.list(.init("8"))) == "\"ok\":true,\"sessions\":[]")
    }

    @Test func aConflictNamesTheVersion() async throws {
        let id = try await create().id
        await #expect {
            _ = try await ask(.update(id: id, data: ByteBuffer(string: "1"), version: 3))
        } throws: { error in
            guard let error = error as? ProxyError else { return false }
            return error.code == .conflict && error.message == "the session is at version 1, not 3"
        }
        #expect(fixture.proxy.counters.service[.sessionConflict] == 1)
    }

    @Test func rotationAndReuse() async throws {
        let id = try await create().id
        let answer = try await ask(.rotate(id: id, ttl: nil))
        #expect(answer.hasPrefix("\"ok\":true,\"rotated\":true,\"session_id\":\"\(id.prefix(22))"))
        #expect(try await ask(.get(id: id)) == "\"ok\":true,\"found\":false")
        let reused = "\"ok\":true,\"rotated\":false,\"reused\":true,\"user_id\":\"7\""
        #expect(try await ask(.rotate(id: id, ttl: nil)) == reused)
        for id in [id, "no id at all"] {
            #expect(try await ask(.rotate(id: id, ttl: nil)) == "\"ok\":true,\"rotated\":false,\"reused\":false")
        }
        let service = fixture.proxy.counters.service
        #expect((service[.sessionRotated], service[.sessionReused]) == (1, 1))
    }

    @Test func withoutAStoreTheyCannotBeHad() async {
        let proxy = ProxyFixture().proxy
        await #expect {
            _ = try await proxy.answer(to: .get(id: SessionID().text))
        } throws: {
            ($0 as? ProxyError)?.code == .cacheUnavailable
        }
    }
}
