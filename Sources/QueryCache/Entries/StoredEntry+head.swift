package import NIOCore

extension StoredEntry {
    /// Where the generations begin: behind the version, four times and their count.
    static let generationsOffset = 1 + 4 * 8 + 2

    /// Bytes from the beginning that hold the generations of the first two tags, which are the epoch and the namespace.
    package static let headLength = generationsOffset + 2 * Generation.length

    /// The generation of its namespace, read from so much of an entry; nil where it is of another version, or no entry.
    package static func namespaceGeneration(inHead head: ByteBuffer) -> Generation? {
        var head = head
        guard head.readableBytes >= headLength, head.readInteger(as: UInt8.self) == version else { return nil }
        head.moveReaderIndex(forwardBy: 4 * 8)
        guard let count = head.readInteger(as: UInt16.self), count >= 2 else { return nil }
        head.moveReaderIndex(forwardBy: Generation.length)
        return Generation(from: &head)
    }
}
