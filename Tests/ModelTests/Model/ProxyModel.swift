import QueryCache

@testable import QueryProxy

struct SharedEntry: Hashable {
    var version: Int
    var generation: Int
}

struct RedisModel: Hashable {
    var isUp = true
    var generation: Int?
    var entry: SharedEntry?

    /// Whoever runs enters itself again with its next heartbeat, so who runs is not forgotten here.
    mutating func forget() {
        generation = nil
        entry = nil
    }
}

/// One proxy: its `QueryCache`, its queue and its channel.
struct ProxyModel: Hashable {
    var isAlive = true
    /// What it is called; each life has a name of its own.
    var origin: Int
    /// The version that memory holds and that nothing has invalidated.
    var memory: Int?
    var pending = PendingInvalidations()
    /// The number of its channel machine.
    var machine: Int
    var isSubscribed = true
    /// What was published and has not been heard yet, in order.
    var inbox: [Message] = []
    /// An invalidation waits for the publisher.
    var publishes = false
    var sequence = 0
    /// The read whose flight others may find.
    var flight: Int?

    struct Message: Hashable {
        var from: Int
        var sequence: Int
    }

    var isBehind: Bool { !pending.isEmpty }

    /// All of it but what the queue holds, which takes long and tells states apart that are apart anyhow.
    func hash(into hasher: inout Hasher) {
        hasher.combine(isAlive)
        hasher.combine(origin)
        hasher.combine(memory)
        hasher.combine(isBehind)
        hasher.combine(machine)
        hasher.combine(isSubscribed)
        hasher.combine(inbox)
        hasher.combine(publishes)
        hasher.combine(sequence)
        hasher.combine(flight)
    }

    /// `QueryCache.remember`.
    mutating func remember(_ version: Int, isCurrent: Bool, _ guards: Guards) {
        if isCurrent || !guards.insertsOnlyIfUnseen { memory = version }
    }

    /// `RedisSharedStore.requeue`.
    mutating func requeue(_ guards: Guards) {
        if guards.queuesInvalidations { pending.add(Invalidation(tags: [ChannelMachines.tag])) }
    }
}
