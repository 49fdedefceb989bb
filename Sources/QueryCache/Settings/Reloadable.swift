package import Synchronization

/// Settings that every request reads and that a reload replaces as a whole.
///
/// Reading takes no lock and does not count references of the snapshot: it is one load of a pointer. A reader may
/// therefore still be at work in a snapshot that has just been replaced, so every snapshot is kept until this object
/// goes. One takes a few kilobytes, and reloads are asked for by people.
package final class Reloadable<Value: Sendable>: Sendable {
    @usableFromInline
    final class Snapshot: Sendable {
        @usableFromInline let value: Value

        init(_ value: Value) {
            self.value = value
        }
    }

    @usableFromInline let current: Atomic<Unmanaged<Snapshot>>
    private let snapshots: Mutex<[Snapshot]>

    package init(_ value: Value) {
        let snapshot = Snapshot(value)
        current = Atomic(Unmanaged.passUnretained(snapshot))
        snapshots = Mutex([snapshot])
    }

    @inlinable
    package var value: Value {
        current.load(ordering: .acquiring)._withUnsafeGuaranteedRef { $0.value }
    }

    /// Requests that begin later see the new value; those under way may see either at each look.
    package func replace(with value: Value) {
        let snapshot = Snapshot(value)
        snapshots.withLock { snapshots in
            snapshots.append(snapshot)
            current.store(Unmanaged.passUnretained(snapshot), ordering: .releasing)
        }
    }
}
