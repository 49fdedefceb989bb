package import NIOCore

/// What a subscription tells. Messages come only between `subscribed` and the next `lost`; what is published between
/// `lost` and `subscribed` is never seen.
package enum RedisSubscriptionEvent: Sendable, Equatable {
    /// All channels are confirmed, by this server; again after each loss.
    case subscribed(RedisServerIdentity)
    case message(channel: String, ByteBuffer)
    /// The connection ended, or events came faster than they were taken and some are missing.
    case lost
}
