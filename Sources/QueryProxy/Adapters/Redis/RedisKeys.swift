internal import NIOCore
internal import QueryCache
internal import RedisClient

/// The names of everything that the cache keeps in Redis.
package struct RedisKeys: Sendable {
    /// Stands before every key.
    package let prefix: String
    private let entryPrefix: String
    private let generationPrefix: String
    private let leasePrefix: String
    private let waiterPrefix: String

    package init(prefix: String) {
        self.prefix = prefix
        entryPrefix = prefix + "cistern:e:"
        generationPrefix = prefix + "cistern:g:"
        leasePrefix = prefix + "cistern:l:"
        waiterPrefix = prefix + "cistern:w:"
    }

    func entry(_ key: CacheKey) -> String { entryPrefix + key.hexadecimal }
    /// ``entry(_:)`` as a command with one argument so far; no text is made of it.
    ///
    /// - Parameter capacity: bytes of the arguments that follow.
    func command(_ name: String, entry key: CacheKey, capacity: Int) -> RedisCommand {
        let length = entryPrefix.utf8.count + CacheKey.hexadecimalLength
        var command = RedisCommand(name, capacity: length + capacity)
        command.append(length: length) { room in
            let digits = room.count - CacheKey.hexadecimalLength
            var prefix = entryPrefix
            prefix.withUTF8 { room.copyMemory(from: UnsafeRawBufferPointer($0)) }
            key.writeHexadecimal(to: UnsafeMutableRawBufferPointer(rebasing: room[digits...]))
        }
        return command
    }
    func lease(_ name: String) -> String { leasePrefix + name }
    /// There while another proxy waits for the holder of the lease.
    func waiter(_ name: String) -> String { waiterPrefix + name }
    /// What a lease, and the notice of its end, are called.
    static func leaseName(_ key: CacheKey, under generations: [Generation]) -> String {
        "\(key.hexadecimal):\(Generation(combining: generations).text)"
    }
    func generation(_ tag: Tag) -> String { generationPrefix + tag.name }

    /// A session's hash, under the first half of its id.
    func session(_ name: String) -> String { prefix + "cistern:s:" + name }
    /// The index of a user's sessions.
    func sessions(of user: String) -> String { prefix + "cistern:u:" + user }

    /// A glob that finds the generations of callers' tags that match a pattern.
    func userGenerations(matching pattern: String) -> String {
        prefix.escapedForGlob + "cistern:g:u:" + pattern
    }

    /// A key of the cache service, as other services know it.
    func service(_ key: String) -> String { prefix + key }

    /// A glob that finds the cache service's keys that match a pattern. It may find others too: see ``isService(_:)``.
    func serviceKeys(matching pattern: String) -> String { prefix.escapedForGlob + pattern }

    /// Whether a key may be one of the cache service: it has a namespace (`name:rest`), and is none of the cache itself.
    func isService(_ key: String) -> Bool {
        // By bytes: what combines with the character before it would hide a colon.
        guard key.utf8.starts(with: prefix.utf8) else { return false }
        let name = key.utf8.dropFirst(prefix.utf8.count)
        return name.contains(UInt8(ascii: ":")) && !name.starts(with: "cistern:".utf8)
    }

    /// Which run of which server the present epoch belongs to.
    var server: String { prefix + "cistern:server" }
    /// The origins of the proxies that run.
    var proxies: String { prefix + "cistern:proxies" }
    /// The channel on which proxies tell each other what is no invalidation.
    package var controlChannel: String { prefix + "cistern:control" }
}

extension String {
    fileprivate var escapedForGlob: String {
        var escaped = ""
        for character in self {
            if "*?[]\\^-".contains(character) { escaped.append("\\") }
            escaped.append(character)
        }
        return escaped
    }
}
