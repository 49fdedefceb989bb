internal import QueryCache

/// A request that has to wait, and what gives it up.
enum Pending {
    case beginning
    case task(Task<Void, Never>)
    case wait(QueryCache.Wait)

    /// Nobody wants the answer any more.
    func giveUp() {
        switch self {
        case .beginning: break
        case .task(let task): task.cancel()
        case .wait(let wait): wait.leave()
        }
    }
}
