internal import CPrefetch

/// Everything that an entry depends on.
///
/// Those that all answers of a statement carry stand in one list, which is recognised as the same; the rows that an answer
/// depends on are its own.
package struct TagList: Sendable, RandomAccessCollection, ExpressibleByArrayLiteral {
    let common: [Tag]
    let rows: [Tag]

    package init(_ common: [Tag], rows: [Tag] = []) {
        self.common = common
        self.rows = rows
    }

    package init(arrayLiteral tags: Tag...) {
        self.init(tags)
    }

    /// Asks the processor for what is the list's own.
    package func prefetch() {
        // The array's own fields, which are before its elements.
        rows.withUnsafeBytes { if let start = $0.baseAddress { cistern_prefetch(start - 32) } }
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { common.count + rows.count }

    package subscript(index: Int) -> Tag {
        index < common.count ? common[index] : rows[index - common.count]
    }
}
