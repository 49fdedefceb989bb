internal import CPrefetch
internal import Synchronization

/// This process's count of the invalidations that it saw of one tag, and the generation that it last read of it.
final class TagCell: Sendable {
    private struct Known {
        let generation: Generation
        /// The count before it was read.
        let seen: UInt64
    }

    private let count = Atomic<UInt64>(0)
    private let known = Mutex<Known?>(nil)

    var value: UInt64 { count.load(ordering: .acquiring) }

    func invalidate() {
        count.add(1, ordering: .acquiringAndReleasing)
    }

    func learn(_ generation: Generation, seen: UInt64) {
        known.withLock { $0 = Known(generation: generation, seen: seen) }
    }

    /// The generation, if no invalidation was seen since it was read.
    func generation(seen: UInt64) -> Generation? {
        known.withLock { known in known.flatMap { $0.seen == seen ? $0.generation : nil } }
    }
}

/// What this process knew of some tags at one moment.
///
/// Whoever wants to keep something takes a snapshot before it reads, and what it keeps is valid as long as the snapshot
/// is current. An invalidation that is seen while the read runs makes the result stale before it is stored.
package struct TagSnapshot: Sendable {
    fileprivate struct Item: Sendable {
        let cell: TagCell
        let seen: UInt64

        init(_ cell: TagCell) {
            self.cell = cell
            seen = cell.value
        }

        func retaken() -> Item { Item(cell) }
    }

    /// Of no tags.
    static let empty = TagSnapshot(items: [])

    fileprivate let items: [Item]
    /// Of the one row that it depends on, as is the rule for those that depend on rows: beside the list, which many answers
    /// share.
    fileprivate var row: Item?

    fileprivate init(items: [Item], row: Item? = nil) {
        self.items = items
        self.row = row
    }

    var count: Int { items.count + (row == nil ? 0 : 1) }

    package var isCurrent: Bool {
        for item in items where item.cell.value != item.seen { return false }
        guard let row else { return true }
        return row.cell.value == row.seen
    }

    /// Asks the processor for what ``isCurrent`` touches of its own.
    @inline(__always)
    func prefetch() {
        guard let row else { return }
        cistern_prefetch(UnsafeRawPointer(Unmanaged.passUnretained(row.cell).toOpaque()))
    }

    /// Takes note of the generations that were read after it was taken, in the order of the tags; nil for those that are
    /// missing.
    package func learn(_ generations: [Generation?]) {
        guard generations.count == count else { return }
        for (index, generation) in generations.enumerated() {
            guard let generation else { continue }
            let item = item(index)
            item.cell.learn(generation, seen: item.seen)
        }
    }

    /// The generations as they were read last, in the order of the tags; nil where one was never read, or was invalidated
    /// since.
    ///
    /// They are good for storing: an entry under generations that are not the present ones any more is none.
    package var knownGenerations: [Generation]? {
        var generations: [Generation] = []
        generations.reserveCapacity(count)
        for index in 0..<count {
            let item = item(index)
            guard let generation = item.cell.generation(seen: item.seen) else { return nil }
            generations.append(generation)
        }
        return generations
    }

    /// Whether ``knownGenerations`` are there.
    var knowsAllGenerations: Bool {
        for index in 0..<count {
            let item = item(index)
            if item.cell.generation(seen: item.seen) == nil { return false }
        }
        return true
    }

    /// The first is everything's, whose tag is the epoch.
    private func item(_ index: Int) -> Item {
        if let row, index == items.count { return row }
        return items[index]
    }

    /// The same tags as they are now: what a guard that is switched off takes instead.
    func retaken() -> TagSnapshot {
        TagSnapshot(items: items.map { $0.retaken() }, row: row?.retaken())
    }
}

/// The tags that this process has entries of.
///
/// Invariants: a snapshot's cells are in the table, or were invalidated when they were taken out; so whoever invalidates a
/// tag that has no cell need do nothing. Tables' and their rows' cells stay (there are as many as tables, and at most ``Tag/rowBuckets`` of each table's rows); namespaces and callers' tags,
/// which a caller can make up, are forgotten when they have not been asked for among the last `limit / 2` new ones.
package final class TagTable: Sendable {
    private struct State {
        var tables: [Tag: TagCell] = [:]
        var young: [Tag: TagCell] = [:]
        var old: [Tag: TagCell] = [:]
        /// Snapshots taken lately, by where the list of their tags lies. The list is kept with them, so that no other comes to
        /// lie there.
        var shared: [UnsafeRawPointer: (tags: [Tag], snapshot: TagSnapshot)] = [:]
    }

    /// Of snapshots that may be shared.
    private static let mostShared = 256

    private let everything = TagCell()
    private let state = Mutex(State())
    private let half: Int

    /// - Parameter limit: of namespaces and callers' tags. One takes about 150 bytes.
    package init(limit: Int = 1 << 18) {
        half = max(1, limit / 2)
    }

    package var count: Int { state.withLock { $0.tables.count + $0.young.count + $0.old.count } }

    /// What is known now. The same object for the same list of tags, as long as it stays current, so that the answers of one
    /// statement share it.
    package func snapshot(of tags: TagList) -> TagSnapshot {
        state.withLock { state in
            var snapshot = snapshot(of: tags.common, &state)
            switch tags.rows.count {
            case 0: break
            case 1: snapshot.row = TagSnapshot.Item(cell(of: tags.rows[0], &state))
            default:
                let rows = tags.rows.map { TagSnapshot.Item(cell(of: $0, &state)) }
                snapshot = TagSnapshot(items: snapshot.items + rows)
            }
            return snapshot
        }
    }

    private func snapshot(of tags: [Tag], _ state: inout State) -> TagSnapshot {
        let place = tags.withUnsafeBytes { $0.baseAddress }
        // Once tags are forgotten, each has to be met to be kept.
        if state.old.isEmpty, let place, let (_, snapshot) = state.shared[place], snapshot.isCurrent {
            return snapshot
        }
        var items = [TagSnapshot.Item(everything)]
        items.reserveCapacity(tags.count + 1)
        for tag in tags {
            if case .epoch = tag { continue }
            items.append(TagSnapshot.Item(cell(of: tag, &state)))
        }
        let snapshot = TagSnapshot(items: items)
        if let place {
            if state.shared.count >= Self.mostShared { state.shared = [:] }
            state.shared[place] = (tags, snapshot)
        }
        return snapshot
    }

    package func invalidate(_ tags: some Sequence<Tag>) {
        state.withLock { state in
            for tag in tags {
                knownCell(of: tag, state)?.invalidate()
            }
        }
    }

    /// Takes note of generations that the shared store was given, after the invalidation that they were made for, and after the
    /// store has said that it has them.
    ///
    /// What is stored under them is asked of PostgreSQL later than that: whatever is written meanwhile is followed by another
    /// generation, whoever writes it. The epoch's is not for us alone to give.
    package func learn(_ generations: [Tag: Generation]) {
        state.withLock { state in
            for (tag, generation) in generations {
                if case .epoch = tag { continue }
                guard let cell = knownCell(of: tag, state) else { continue }
                cell.learn(generation, seen: cell.value)
            }
        }
    }

    package func invalidateEverything() {
        everything.invalidate()
    }

    /// Invalidates the callers' tags for whose names the predicate holds.
    package func invalidateUserTags(where matches: (String) -> Bool) {
        state.withLock { state in
            for half in [state.young, state.old] {
                for (tag, cell) in half {
                    if case .user(let name) = tag, matches(name) { cell.invalidate() }
                }
            }
        }
    }

    /// Nil where nobody has asked for the tag.
    private func knownCell(of tag: Tag, _ state: borrowing State) -> TagCell? {
        switch tag {
        case .epoch: everything
        case .table, .wholeTable, .row, .anyTable: state.tables[tag]
        case .namespace, .user: state.young[tag] ?? state.old[tag]
        }
    }

    private func cell(of tag: Tag, _ state: inout State) -> TagCell {
        switch tag {
        case .epoch: return everything
        case .table, .wholeTable, .row, .anyTable:
            if let cell = state.tables[tag] { return cell }
            let cell = TagCell()
            state.tables[tag] = cell
            return cell
        case .namespace, .user:
            if let cell = state.young[tag] { return cell }
            let cell = state.old.removeValue(forKey: tag) ?? TagCell()
            if state.young.count >= half {
                for forgotten in state.old.values { forgotten.invalidate() }
                state.old = state.young
                state.young = [:]
            }
            state.young[tag] = cell
            return cell
        }
    }
}
