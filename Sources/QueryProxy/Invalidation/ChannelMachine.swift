internal import NIOCore
internal import QueryCache

/// What is made of the invalidation channel's events, decided without touching anything. Times in milliseconds.
///
/// - *Silent*: not subscribed. Memory is distrusted.
/// - *Subscribed*: everything published from now on is heard, in order. Memory was emptied when the subscription was
///   confirmed. It is trusted for ``trustTime`` from the sending of each heartbeat of our own that comes back, since
///   everything that was published before it has been heard by then.
///
/// A sender's messages are counted. One that is missing means that something went unheard, and memory is emptied. A sender
/// that falls silent without a farewell may have committed a write that it told nobody of: the epoch is renewed.
struct ChannelMachine: Hashable {
    enum Action: Equatable {
        case distrust
        case dropMemory
        case trust(for: Int64)
        /// Another proxy's, which has told Redis itself.
        case apply(Invalidation)
        /// Another service's: the generations are to be renewed too.
        case adopt(Invalidation)
        case filled(String)
        case sendHeartbeat(Int64)
        /// A proxy vanished.
        case vanished(origin: String)
    }

    static let trustTime: Int64 = 3000
    static let heartbeatInterval: Int64 = 1000

    private struct Peer: Hashable {
        var sequence: Int64
        var heardAt: Int64
        /// It shares our keys in Redis, as its heartbeat or the register tells. The channel of invalidations may be shared by
        /// proxies of other caches: whether these live is nothing to us.
        var isOurs: Bool
    }

    private let origin: String
    private let controlChannel: String
    private(set) var isSubscribed = false
    private var peers: [String: Peer] = [:]
    private var nextHeartbeat: Int64 = 1
    /// When heartbeats were sent that have not come back.
    private var sentAt: [Int64: Int64] = [:]
    private(set) var gaps = 0
    private(set) var ignored = 0
    /// Milliseconds that the last heartbeat took to come back.
    private(set) var delay: Int64?
    private var lastEcho: Int64 = .min

    /// Whether Redis has told who runs since everything is heard.
    private var hasMet = false

    /// Whether no other proxy is known to run. Known only while everything is heard.
    var isAlone: Bool { isSubscribed && hasMet && !peers.values.contains { $0.isOurs } }

    init(origin: String, controlChannel: String) {
        self.origin = origin
        self.controlChannel = controlChannel
    }

    mutating func subscribed(now: Int64) -> [Action] {
        isSubscribed = true
        hasMet = false
        sentAt = [:]
        for name in peers.keys { peers[name]?.heardAt = now }
        // What the peers sent meanwhile is unknown, and does not matter: memory is empty.
        for name in peers.keys { peers[name]?.sequence = -1 }
        return [.dropMemory] + beat(now: now)
    }

    mutating func lost() -> [Action] {
        isSubscribed = false
        return [.distrust]
    }

    /// Redis knows of these proxies. One that is not heard has its time from now on, like one that fell silent.
    mutating func met(_ origins: [String], now: Int64) {
        hasMet = hasMet || origins.contains(origin)
        for name in origins where name != origin && peers[name]?.isOurs != true {
            peers[name] = Peer(sequence: peers[name]?.sequence ?? -1, heardAt: now, isOurs: true)
        }
    }

    /// To be called every ``heartbeatInterval``.
    mutating func tick(now: Int64) -> [Action] {
        guard isSubscribed else { return [] }
        var actions = beat(now: now)
        // Silence means something only while we hear ourselves: else it is Redis that is silent.
        guard lastEcho > now - 3 * Self.heartbeatInterval / 2 else { return actions }
        for (name, peer) in peers where now - peer.heardAt >= Self.trustTime + Self.heartbeatInterval {
            peers[name] = nil
            if peer.isOurs { actions.append(.vanished(origin: name)) }
        }
        return actions
    }

    private mutating func beat(now: Int64) -> [Action] {
        let number = nextHeartbeat
        nextHeartbeat += 1
        sentAt[number] = now
        sentAt = sentAt.filter { now - $0.value < Self.trustTime }
        return [.sendHeartbeat(number)]
    }

    mutating func received(_ payload: ByteBuffer, on channel: String, now: Int64) -> [Action] {
        guard isSubscribed else { return [] }
        if channel == controlChannel {
            guard let message = ControlMessage(payload) else {
                ignored += 1
                return []
            }
            return received(message, now: now)
        }
        guard let message = InvalidationMessage(payload) else {
            ignored += 1
            return []
        }
        guard let sender = message.origin, let sequence = message.sequence else {
            return [.adopt(message.foreignInvalidation)]
        }
        if sender == origin { return [] }
        return noticed(sender, sequence: sequence, isMessage: true, now: now) + [.apply(message.invalidation)]
    }

    private mutating func received(_ message: ControlMessage, now: Int64) -> [Action] {
        switch message {
        case .filled(let key): return [.filled(key)]
        case .goodbye(let sender):
            peers[sender] = nil
            return []
        case .heartbeat(let sender, let number, let sequence):
            guard sender == origin else { return noticed(sender, sequence: sequence, isMessage: false, now: now) }
            guard let sent = sentAt.removeValue(forKey: number) else { return [] }
            delay = now - sent
            lastEcho = now
            return [.trust(for: Self.trustTime - (now - sent))]
        }
    }

    /// Compares a sender's count with what was heard of it.
    private mutating func noticed(_ sender: String, sequence: Int64, isMessage: Bool, now: Int64) -> [Action] {
        let known = peers[sender]?.sequence ?? -1
        let isOurs = !isMessage || peers[sender]?.isOurs == true
        peers[sender] = Peer(sequence: max(known, sequence), heardAt: now, isOurs: isOurs)
        // A message is the one after those that are known. Subtracted, since a stranger may send the largest number.
        guard known >= 0, sequence > known, !isMessage || sequence - 1 > known else { return [] }
        gaps += 1
        return [.dropMemory]
    }
}

extension InvalidationMessage {
    fileprivate var foreignInvalidation: Invalidation {
        var invalidation = invalidation
        invalidation.isPublished = true
        return invalidation
    }
}
