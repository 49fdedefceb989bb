/// Something that is broken on purpose. Times in milliseconds.
enum Fault: Sendable, Equatable {
    /// kill -9; started again after a while.
    case killProxies([Int], away: Int)
    case killRedis(away: Int, RedisServer.Contents)
    /// CLIENT PAUSE.
    case pauseRedis(Int)
    case flush
    /// CLIENT KILL of the proxies' subscriptions, so many times in a row: each time they wait longer before they connect.
    case endSubscriptions(times: Int)
    /// CLIENT KILL of their other connections.
    case endConnections

    var name: String {
        switch self {
        case .killProxies(let proxies, _): proxies.count == 1 ? "kill -9 of a proxy" : "kill -9 of every proxy"
        case .killRedis(_, .empty): "kill -9 of Redis, back empty"
        case .killRedis(_, .lastSnapshot): "kill -9 of Redis, back with an old snapshot"
        case .pauseRedis: "CLIENT PAUSE"
        case .flush: "FLUSHALL"
        case .endSubscriptions: "CLIENT KILL TYPE pubsub"
        case .endConnections: "CLIENT KILL TYPE normal"
        }
    }
}

/// What is broken next, and when.
struct FaultPlan {
    enum Kind: Sendable {
        case all
        /// Again and again, for what only the loss of messages shows.
        case subscriptions
        /// Redis does not answer, and then is there again with all that it had.
        case pauses
    }

    private let kind: Kind
    private var random: SplitMix64

    init(_ kind: Kind, seed: UInt64) {
        self.kind = kind
        random = SplitMix64(seed: seed)
    }

    /// Milliseconds until the next one.
    mutating func pause() -> Int {
        switch kind {
        case .all: Int.random(in: 200...3000, using: &random)
        case .subscriptions: 500
        case .pauses: Int.random(in: 200...600, using: &random)
        }
    }

    mutating func redisFault() -> Fault {
        switch kind {
        case .all: return anyRedisFault()
        case .subscriptions: return .endSubscriptions(times: 6)
        case .pauses: return .pauseRedis(Int.random(in: 2300...2800, using: &random))
        }
    }

    private mutating func anyRedisFault() -> Fault {
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1: .flush
        case 2, 3: .endSubscriptions(times: Int.random(in: 1...6, using: &random))
        case 4: .endConnections
        case 5, 6: .pauseRedis(Int.random(in: 100...3500, using: &random))
        default: killRedis()
        }
    }

    mutating func proxyFault() -> Fault {
        let away = Int.random(in: 0...2500, using: &random)
        if Int.random(in: 0..<8, using: &random) == 0 {
            return .killProxies(Array(0..<Site.proxyCount), away: away)
        }
        return .killProxies([Int.random(in: 0..<Site.proxyCount, using: &random)], away: away)
    }

    /// An outage, in the middle of which the writers stop: what it made stale is not made good by a later write.
    mutating func lastFault() -> Fault {
        switch Int.random(in: 0..<3, using: &random) {
        case 0: .pauseRedis(Int.random(in: 2300...3500, using: &random))
        default: killRedis()
        }
    }

    private mutating func killRedis() -> Fault {
        .killRedis(
            away: Int.random(in: 300...3000, using: &random),
            Bool.random(using: &random) ? .empty : .lastSnapshot
        )
    }
}
