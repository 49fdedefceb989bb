/// Told what becomes of the connections. Called one at a time, in order, on an event loop: it must not block.
package protocol RedisObserver: Sendable {
    /// Redis can be used: for the first time, again, or as another server than before.
    func redisBecameAvailable(_ identity: RedisServerIdentity)
    /// Redis cannot be used; commands fail at once.
    func redisBecameUnavailable(_ reason: String)
}
