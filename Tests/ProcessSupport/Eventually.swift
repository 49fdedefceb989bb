/// Looks again and again until it is so, and says whether it came to be so in time.
///
/// For what another process does, which tells nobody when it has done it.
///
/// - Parameters:
///   - clock: what the limit and the pauses are counted by.
package func eventually<C: Clock<Duration>>(
    within limit: Duration,
    every pause: Duration = .milliseconds(5),
    clock: C = ContinuousClock(),
    _ isSo: () async throws -> Bool
) async throws -> Bool {
    let end = clock.now.advanced(by: limit)
    while true {
        if try await isSo() { return true }
        if clock.now >= end { return false }
        try await clock.sleep(for: pause)
    }
}

/// The same for what must come to be so.
///
/// - Throws: ``ProcessFailure`` when it has not come to be so in time.
package func eventually(_ what: String, within limit: Duration, _ isSo: () async throws -> Bool) async throws {
    guard try await eventually(within: limit, every: .milliseconds(10), isSo) else {
        throw ProcessFailure(description: "in \(limit) not \(what)")
    }
}
