internal import NIOCore
internal import QueryCache
internal import RedisClient

/// Looks at some of Redis's keys: what they take, and whose they are.
///
/// SCAN goes on where the last sample ended, so that over time every key has its turn; a sample takes a bounded number of
/// keys, whatever Redis holds, and asks each for its size with MEMORY USAGE, in one pipeline. What is found is added to what the
/// last samples found, so that a few rare keys do not make the shares jump.
///
/// An entry's key does not tell its namespace, but its head has the generations that it was stored under, and the second
/// of those is its namespace's: the head is compared with the generations of the namespaces that are known. One that fits
/// none was invalidated with its namespace, or is of one that is not known here.
struct RedisSampler {
    private static let scans = 5
    private static let keysPerScan = 100
    private static let keysAtMost = 600
    /// Samples that are added up.
    private static let kept = 8
    private static let largestKept = 10

    /// What belongs to no namespace.
    enum GroupName {
        static let unknown = "(entries of namespaces that are not known here, or invalidated)"
        static let generations = "(generations)"
        static let sessions = "(sessions)"
        static let bookkeeping = "(leases and the like)"
        static let foreign = "(other programs' keys)"
    }

    private let keys: RedisKeys
    private var cursor = "0"
    private var samples: [RedisSample] = []

    init(keys: RedisKeys) {
        self.keys = keys
    }

    /// One sample more, and what it and the last ones say together.
    ///
    /// - Parameter namespaces: those that are known.
    mutating func sample(_ redis: RedisClient, namespaces: [String]) async throws(RedisError) -> RedisSample {
        let names = try await scan(redis)
        let owners = try await owners(of: namespaces, redis)
        var sample = RedisSample()
        sample.allKeys = Int(try await redis.send(RedisCommand("DBSIZE")).integer ?? 0)
        var commands: [RedisCommand] = []
        for name in names {
            commands.append(RedisCommand("MEMORY", "USAGE", name))
            let end = String(StoredEntry.headLength - 1)
            commands.append(keys.isEntry(name) ? RedisCommand("GETRANGE", name, "0", end) : RedisCommand("PING"))
        }
        let replies = try await redis.send(commands)
        var groups: [String: RedisSample.Group] = [:]
        for (index, name) in names.enumerated() where replies.count == commands.count {
            // Gone meanwhile.
            guard let bytes = replies[2 * index].integer.map({ Int($0) }) else { continue }
            let group = group(of: name, head: replies[2 * index + 1].bytes, owners)
            groups[group, default: RedisSample.Group(name: group, keys: 0, bytes: 0)].keys += 1
            groups[group]?.bytes += bytes
            sample.keys += 1
            sample.bytes += bytes
            sample.largest.append(RedisSample.Key(name: name, group: group, bytes: bytes))
        }
        sample.groups = Array(groups.values)
        sample.largest = Array(sample.largest.sorted { $0.bytes > $1.bytes }.prefix(Self.largestKept))
        samples.append(sample)
        if samples.count > Self.kept { samples.removeFirst() }
        return Self.sum(samples)
    }

    private mutating func scan(_ redis: RedisClient) async throws(RedisError) -> [String] {
        var names: [String] = []
        for _ in 0..<Self.scans {
            let reply = try await redis.send(RedisCommand("SCAN", cursor, "COUNT", String(Self.keysPerScan)))
            guard let parts = reply.elements, parts.count == 2, let next = parts[0].string else {
                throw RedisError(code: .server, message: "SCAN answered something else")
            }
            cursor = next
            names += (parts[1].elements ?? []).compactMap(\.string)
            // Begun anew within one sample, a small server would be counted twice.
            if next == "0" || names.count >= Self.keysAtMost { break }
        }
        return Array(Set(names).prefix(Self.keysAtMost))
    }

    /// Namespaces by their present generation.
    private func owners(
        of namespaces: [String],
        _ redis: RedisClient
    ) async throws(RedisError) -> [Generation: String] {
        guard !namespaces.isEmpty else { return [:] }
        var command = RedisCommand("MGET")
        for namespace in namespaces { command.append(keys.generation(.namespace(namespace))) }
        let values = try await redis.send(command).elements ?? []
        var owners: [Generation: String] = [:]
        for (value, namespace) in zip(values, namespaces) {
            if var bytes = value.bytes, let generation = Generation(from: &bytes) { owners[generation] = namespace }
        }
        return owners
    }

    private func group(of name: String, head: ByteBuffer?, _ owners: [Generation: String]) -> String {
        switch keys.kind(of: name) {
        case .entry:
            head.flatMap { StoredEntry.namespaceGeneration(inHead: $0) }.flatMap { owners[$0] } ?? GroupName.unknown
        case .generation: GroupName.generations
        case .session: GroupName.sessions
        case .bookkeeping: GroupName.bookkeeping
        case .service(let namespace): namespace
        case .foreign: GroupName.foreign
        }
    }

    /// Samples one after the other, of keys that may be among them twice: a share is what counts.
    static func sum(_ samples: [RedisSample]) -> RedisSample {
        var sum = RedisSample()
        var groups: [String: RedisSample.Group] = [:]
        var largest: [String: RedisSample.Key] = [:]
        for sample in samples {
            sum.keys += sample.keys
            sum.bytes += sample.bytes
            sum.allKeys = sample.allKeys
            for group in sample.groups {
                groups[group.name, default: RedisSample.Group(name: group.name, keys: 0, bytes: 0)].keys += group.keys
                groups[group.name]?.bytes += group.bytes
            }
            for key in sample.largest { largest[key.name] = key }
        }
        sum.groups = groups.values.sorted { ($0.bytes, $1.name) > ($1.bytes, $0.name) }
        let keys = largest.values.sorted { ($0.bytes, $1.name) > ($1.bytes, $0.name) }
        sum.largest = Array(keys.prefix(largestKept))
        return sum
    }
}
