import Foundation
import Logging
import NIOCore
import ServiceLifecycle
import Testing

@testable import CisternClient

@Suite(.timeLimit(.minutes(1)))
struct CisternClientTests {
    /// The value of a key, as the server answers it.
    private static func echo(_ request: CannedServer.Request) {
        request.answer("\"found\":true,\"value\":\(request.value["key"]?.jsonText ?? "null"),\"ttl_ms\":1000")
    }

    private func code(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return "none"
        } catch {
            return (error as? CisternError)?.code.rawValue ?? "\(error)"
        }
    }

    @Test func answersThatComeInAnotherOrderFindTheirRequests() async throws {
        let held = Held()
        try await CannedServer.with(respond: held.keep) { server in
            try await server.withClient({ $0.maximumConnections = 1 }) { client async throws in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<20 {
                        group.addTask {
                            let lookup = try await client.get("k:\(number)", as: String.self)
                            #expect(lookup.value == "k:\(number)")
                        }
                    }
                    for request in await held.take(20).reversed() { Self.echo(request) }
                    try await group.waitForAll()
                }
            }
            #expect(server.connectionsAccepted == 1)
        }
    }

    @Test func aCancelledTaskStopsWaitingAndItsAnswerIsDropped() async throws {
        let held = Held()
        try await CannedServer.with(respond: held.keep) { server in
            try await server.withClient({ $0.maximumConnections = 1 }) { client async throws in
                let first = Task { await code { _ = try await client.get("k:first", as: String.self) } }
                let late = await held.take(1)
                first.cancel()
                #expect(await first.value == "cancelled")
                #expect(client.poolFigures == .init(connections: 1, inFlight: 1, waiting: 0))
                async let second = client.get("k:second", as: String.self)
                let next = await held.take(1)
                late.forEach(Self.echo)
                next.forEach(Self.echo)
                #expect(try await second.value == "k:second")
            }
        }
    }

    @Test func aTaskThatIsCancelledAlreadySendsNothing() async throws {
        let held = Held()
        try await CannedServer.with(respond: held.keep) { server in
            try await server.withClient { client async throws in
                let task = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    return await code { try await client.ping() }
                }
                #expect(await task.value == "cancelled")
                #expect(client.poolFigures == .init(connections: 0, inFlight: 0, waiting: 0))
            }
        }
    }

    /// Every request carries a token of its own, answers come in a random order, and a third of the tasks is cancelled.
    @Test func noAnswerIsEverCrossed() async throws {
        try await CannedServer.with(
            respond: { request in
                let delay = TimeAmount.microseconds(.random(in: 0...2000))
                request.peer.channel.eventLoop.scheduleTask(in: delay) { Self.echo(request) }
            }
        ) { server in
            let (answered, cancelled) = (Counter(), Counter())
            try await server.withClient({ $0.maximumConnections = 3 }) { client async throws in
                await withTaskGroup(of: Void.self) { group in
                    for number in 0..<20_000 {
                        if number >= 300 { await group.next() }
                        group.addTask {
                            let request = Task {
                                try await client.get("t:\(number)", as: String.self)
                            }
                            if number % 3 == 0 {
                                // Some are cancelled before they are sent, most on the way, a few when they are done.
                                for _ in 0..<Int.random(in: 0...100) { await Task.yield() }
                                request.cancel()
                            }
                            switch await request.result {
                            case .success(let lookup):
                                #expect(lookup.value == "t:\(number)")
                                answered.add()
                            case .failure(let error):
                                #expect((error as? CisternError)?.code == .cancelled)
                                cancelled.add()
                            }
                        }
                    }
                }
            }
            #expect(answered.count + cancelled.count == 20_000)
            #expect(answered.count > 10_000 && cancelled.count > 100)
        }
    }

    /// Without the guard, that is with answers taken in order, the same server's would be crossed.
    @Test func takenInOrderTheSameAnswersAreCrossed() async throws {
        try await CannedServer.with(
            respond: { request in
                let delay = TimeAmount.microseconds(.random(in: 0...2000))
                request.peer.channel.eventLoop.scheduleTask(in: delay) { Self.echo(request) }
            }
        ) { server in
            let connection = try await CisternConnection.connect(host: "127.0.0.1", port: server.port)
            let crossed = Counter()
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let line = "{\"id\":\(number),\"op\":\"get\",\"key\":\"t:\(number)\"}"
                        if let answer = try? await connection.send(line), !answer.contains("\"t:\(number)\"") {
                            crossed.add()
                        }
                    }
                }
            }
            #expect(crossed.count > 0)
            await connection.close()
        }
    }

    @Test func noMoreIsSentThanTheServerTakesAtOnce() async throws {
        let held = Held()
        try await CannedServer.with(.init(maximumInFlight: 5), respond: held.keep) { server in
            try await server.withClient({ $0.maximumConnections = 1 }) { client async throws in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<9 { group.addTask { _ = try await client.get("k:\(number)", as: String.self) } }
                    let first = await held.take(4)
                    #expect(client.poolFigures.inFlight == 4)
                    first.forEach(Self.echo)
                    for _ in 0..<5 { await held.take(1).forEach(Self.echo) }
                    try await group.waitForAll()
                }
            }
        }
    }

    /// Whoever is told of the end may ask again at once, from another thread, and must get another connection.
    @Test func aLostConnectionIsReplaced() async throws {
        let rounds = 50
        try await CannedServer.with(
            respond: { request in
                if request.value["key"] == "k:last" { request.peer.hangUp() } else { Self.echo(request) }
            }
        ) { server in
            for _ in 0..<rounds {
                try await server.withClient { client async throws in
                    #expect(await code { _ = try await client.get("k:last", as: String.self) } == "connection_lost")
                    #expect(try await client.get("k:2", as: String.self).value == "k:2")
                }
            }
            #expect(server.connectionsAccepted == 2 * rounds)
        }
    }

    @Test func requestsWaitForAServerThatComesBack() async throws {
        var port = 0
        try await CannedServer.with(respond: Self.echo) { port = $0.port }
        var configuration = CisternClientConfiguration(port: port)
        configuration.acquireTimeout = .seconds(20)
        try await withCisternClient(configuration) { client async throws in
            let lookup = Task { try await client.get("k:1", as: String.self) }
            while client.poolFigures.waiting == 0 { await Task.yield() }
            try await CannedServer.with(port: port, respond: Self.echo) { _ async throws in
                #expect(try await lookup.value.value == "k:1")
            }
        }
    }

    @Test func whereNobodyListensTheReasonIsTold() async throws {
        var configuration = CisternClientConfiguration(port: 1)
        configuration.acquireTimeout = .milliseconds(200)
        await withCisternClient(configuration) { client in
            do throws(CisternError) {
                try await client.ping()
                Issue.record("somebody listens on port 1")
            } catch {
                #expect(error.code == .unreachable)
                #expect(error.message.contains("127.0.0.1:1"))
            }
        }
    }

    @Test func aServerThatAsksForAUserIsToldOne() async throws {
        let seen = Held()
        try await CannedServer.with(
            .init(requiresAuthentication: true),
            respond: { request in
                switch request.operation {
                case "auth" where request.value["password"]?.string == "right": request.answer()
                case "auth":
                    let error = "{\"code\":\"unauthorized\",\"message\":\"wrong user or password\"}"
                    request.peer.send("{\"id\":\(request.id),\"ok\":false,\"error\":\(error)}\n")
                default:
                    seen.keep(request)
                    request.answer("\"pong\":true")
                }
            }
        ) { server in
            try await server.withClient({ ($0.user, $0.password) = ("ana", "right") }) { try await $0.ping() }
            try await server.withClient({ ($0.user, $0.password) = ("ana", "wrong") }) { client async throws in
                #expect(await code { try await client.ping() } == "unauthorized")
            }
            try await server.withClient { client async throws in
                #expect(await code { try await client.ping() } == "unauthorized")
            }
            #expect(await seen.take(1).count == 1)
        }
    }

    @Test func whatAServerThatIsFullSaysIsTheReason() async throws {
        let farewell = #"{"ok":false,"error":{"code":"overloaded","message":"too many connections"}}"#
        try await CannedServer.with(.init(farewell: farewell), respond: { _ in }) { server in
            try await server.withClient({ $0.acquireTimeout = .milliseconds(100) }) { client async throws in
                #expect(await code { try await client.ping() } == "overloaded")
            }
        }
    }

    @Test func aRequestThatIsTooLongIsNotSent() async throws {
        try await CannedServer.with(.init(maximumRequestBytes: 1000), respond: { $0.answer("\"pong\":true") }) {
            server in
            try await server.withClient { client async throws in
                let long = String(repeating: "x", count: 1000)
                #expect(await code { _ = try await client.query("SELECT '\(long)'") } == "request_too_large")
                try await client.ping()
                #expect(client.poolFigures.inFlight == 0)
            }
            #expect(server.connectionsAccepted == 1)
        }
    }

    @Test func answersThatAreNoneOfTheProtocolAreErrors() async throws {
        for members in ["", "\"cache\":\"moon\"", "\"cache\":\"miss\",\"columns\":[],\"rows\":[[1]],\"row_count\":1"] {
            try await CannedServer.with(respond: { $0.answer(members) }) { server in
                try await server.withClient { client async throws in
                    #expect(await code { _ = try await client.query("SELECT 1") } == "bad_answer")
                }
            }
        }
    }

    @Test func aClientThatHasEndedTakesNothing() async throws {
        var kept: CisternClient?
        try await CannedServer.with(respond: { $0.answer("\"pong\":true") }) { server in
            try await server.withClient { client async throws in
                try await client.ping()
                kept = client
            }
        }
        let client = try #require(kept)
        #expect(await code { try await client.ping() } == "client_closed")
    }

    @Test func aGracefulShutdownWaitsForAnswers() async throws {
        let held = Held()
        try await CannedServer.with(
            respond: { $0.operation == "ping" ? $0.answer("\"pong\":true") : held.keep($0) }
        ) { server in
            let client = CisternClient(server.configuration)
            let group = ServiceGroup(services: [client], logger: .init(label: "test"))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                async let lookup = client.get("k:1", as: String.self)
                let requests = await held.take(1)
                await group.triggerGracefulShutdown()
                while await code({ try await client.ping() }) != "client_closed" { await Task.yield() }
                requests.forEach(Self.echo)
                #expect(try await lookup.value == "k:1")
                try await tasks.waitForAll()
            }
        }
    }

    @Test(arguments: [
        ("127.0.0.1:1234", "127.0.0.1", 1234), ("localhost", "localhost", 7432), ("[::1]:5", "::1", 5),
        ("[::1]", "::1", 7432), ("::1", "::1", 7432),
    ])
    func addressesAreRead(text: String, host: String, port: Int) throws {
        let configuration = try CisternClientConfiguration(address: text)
        #expect(configuration.host == host && configuration.port == port)
    }

    @Test(arguments: ["", ":1", "host:", "host:x", "host:0", "host:70000", "[::1"])
    func whatIsNoAddressIsAnError(text: String) {
        #expect(throws: CisternError.self) { try CisternClientConfiguration(address: text) }
    }
}
