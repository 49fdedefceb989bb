internal import NIOCore
internal import QueryCache
internal import QueryProxy

/// Fetches ahead what lines will need from memory.
///
/// A line's look-up goes from one cold place of memory to the next. With many lines at hand the waiting for memory is done
/// for all of them at once: the processor is asked for each line's next place, then for the place after that.
///
/// (As in Chen, Ailamaki, Gibbons, Mowry: Improving Hash Join Performance through Prefetching, ICDE 2004: group prefetching.)
struct LinePrefetcher {
    private struct Line {
        var hash: UInt64
        var line: Unmanaged<RecalledLine<ReadyLookup>>?
        var lookup: Unmanaged<ReadyLookup>?
        var key: CacheKey?
    }

    private var lines: [Line] = []

    /// The first line of each connection. Nothing may be remembered in the table meanwhile.
    mutating func prefetch(
        for connections: [LineHandler],
        in table: RecalledLines<ReadyLookup>,
        _ handler: any RequestHandler
    ) {
        lines.removeAll(keepingCapacity: true)
        for connection in connections {
            if let hash = connection.withFirstUnread({ table.prefetchPlace(of: $0) }) { lines.append(Line(hash: hash)) }
        }
        for index in lines.indices { lines[index].line = table.prefetchLine(lines[index].hash) }
        for index in lines.indices {
            lines[index].lookup = lines[index].line?._withUnsafeGuaranteedRef { $0.prefetch() }
        }
        for index in lines.indices { lines[index].key = lines[index].lookup?._withUnsafeGuaranteedRef { $0.key } }
        for line in lines { line.lookup?._withUnsafeGuaranteedRef { $0.prefetchQuestion() } }
        for line in lines { line.lookup?._withUnsafeGuaranteedRef { $0.prefetchCommands() } }
        for step in MemoryPrefetch.allCases {
            for line in lines {
                if let key = line.key { handler.prefetch(key, step) }
            }
        }
    }
}

extension LineHandler {
    /// Nil where no whole line that may be known was read.
    func withFirstUnread<Result>(_ body: (LineKey) -> Result) -> Result? {
        withUnread { bytes in
            guard let end = bytes.lineEnd(from: 0), end > 0, end <= RecalledLines<ReadyLookup>.longestLine else {
                return nil
            }
            return body(LineKey(UnsafeRawBufferPointer(rebasing: bytes[..<end])))
        } ?? nil
    }
}
