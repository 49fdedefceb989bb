/// Lets few tests run at once, in the order in which they came: each has processes of its own, and what a busy machine
/// delays would be taken for a fault.
actor Turnstile {
    static let shared = Turnstile(permits: 3)

    private let permits: Int
    private var free: Int
    private var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []

    init(permits: Int) {
        self.permits = permits
        self.free = permits
    }

    /// - Parameter alone: no other test runs meanwhile.
    func pass<Result: Sendable>(alone: Bool, _ body: @Sendable () async throws -> Result) async throws -> Result {
        let count = alone ? permits : 1
        await enter(count)
        do {
            let result = try await body()
            leave(count)
            return result
        } catch {
            leave(count)
            throw error
        }
    }

    private func enter(_ count: Int) async {
        if waiting.isEmpty, free >= count {
            free -= count
            return
        }
        await withCheckedContinuation { waiting.append((count, $0)) }
    }

    private func leave(_ count: Int) {
        free += count
        while let next = waiting.first, free >= next.count {
            free -= next.count
            waiting.removeFirst().continuation.resume()
        }
    }
}
