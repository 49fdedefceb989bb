internal import CPrefetch
internal import NIOCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// A line that was answered before, and how to look for its answer.
final class RecalledLine<Lookup: AnyObject> {
    fileprivate let isObject: Bool
    fileprivate let line: UnsafeMutableRawBufferPointer
    let lookup: Lookup

    fileprivate init(_ key: LineKey, _ lookup: Lookup) {
        isObject = key.isObject
        line = .allocate(byteCount: key.rest.count, alignment: 8)
        line.copyMemory(from: key.rest)
        self.lookup = lookup
    }

    deinit {
        line.deallocate()
    }

    /// Bytes.
    fileprivate var size: Int { line.count + 192 }

    /// Asks the processor for the bytes and the look-up.
    func prefetch() -> Unmanaged<Lookup> {
        if let start = line.baseAddress {
            for offset in stride(from: 0, to: min(line.count, 192), by: 64) { cistern_prefetch(start + offset) }
        }
        let lookup = Unmanaged.passUnretained(lookup)
        let start = UnsafeRawPointer(lookup.toOpaque())
        for offset in stride(from: 0, to: 256, by: 64) { cistern_prefetch(start + offset) }
        return lookup
    }

    /// The line as it was sent, without its `id`.
    var text: ByteBuffer {
        var text = ByteBufferAllocator().buffer(capacity: line.count + 1)
        if isObject { text.writeInteger(UInt8(ascii: "{")) }
        text.writeBytes(line)
        return text
    }
}

/// What lines ask for, by their bytes, so that a line which was answered from memory before is not read again.
///
/// Nothing of an answer is kept here, only how to look for it: whether there is one, and whether it may be served, is found
/// out anew each time. One table belongs to one event loop and takes no lock.
///
/// Sets of four slots, found by a hash with a seed of its own; in a full set the line that was not asked for since the last
/// look around gives way. So there are no chains that a client could make long. The table doubles until `capacity`. Where all
/// lines together are too large, those give way that were not asked for since the last time around (CLOCK: Corbató, A
/// Paging Experiment with the Multics System, 1968).
///
/// Invariants: a slot's line has the slot's hash; no line is in two slots; `bytes` is the sum of the lines' sizes.
package final class RecalledLines<Lookup: AnyObject> {
    private struct Slot {
        var hash: UInt64 = 0
        var entry: RecalledLine<Lookup>?
        var wasAsked = false
    }

    /// A longer line is read each time; it costs less in proportion.
    package static var longestLine: Int { 1024 }
    private static var ways: Int { 4 }

    private let capacity: Int
    private let byteLimit: Int
    private let seed = UInt64.random(in: .min ... .max)
    private var slots: UnsafeMutablePointer<Slot>
    private var setCount: Int
    private(set) var count = 0
    private(set) var bytes = 0
    /// The slot that is looked at next for one to remove.
    private var hand = 0

    /// - Parameters:
    ///   - capacity: lines, a power of two.
    ///   - byteLimit: of the lines and what is kept with them.
    package init(capacity: Int = 1 << 16, byteLimit: Int = 16 << 20) {
        self.capacity = max(Self.ways, capacity)
        self.byteLimit = byteLimit
        setCount = min(64, self.capacity / Self.ways)
        slots = Self.emptySlots(setCount)
    }

    deinit {
        slots.deinitialize(count: setCount * Self.ways)
        slots.deallocate()
    }

    /// The look-up of a line that was remembered.
    @inline(__always)
    package func lookup(of key: LineKey) -> Lookup? { line(of: key)?.lookup }

    /// The line, if it was remembered.
    @inline(__always)
    func line(of key: LineKey) -> RecalledLine<Lookup>? {
        guard key.rest.count <= Self.longestLine else { return nil }
        let hash = hash(key)
        let first = slots + Int(truncatingIfNeeded: hash) & (setCount - 1) * Self.ways
        for way in 0..<Self.ways where first[way].hash == hash {
            guard let entry = first[way].entry, entry.isObject == key.isObject, Self.areEqual(entry.line, key.rest)
            else { continue }
            first[way].wasAsked = true
            return entry
        }
        return nil
    }

    // MARK: Ahead of time

    /// A line's hash, once the processor has been asked for the place where it would be.
    func prefetchPlace(of key: LineKey) -> UInt64 {
        let hash = hash(key)
        let first = slots + Int(truncatingIfNeeded: hash) & (setCount - 1) * Self.ways
        cistern_prefetch(first)
        cistern_prefetch(first + 2)
        return hash
    }

    /// The line that a hash most likely is of, for which the processor has been asked. Not retained, since that would touch
    /// it: it is there until a line is remembered.
    func prefetchLine(_ hash: UInt64) -> Unmanaged<RecalledLine<Lookup>>? {
        let first = slots + Int(truncatingIfNeeded: hash) & (setCount - 1) * Self.ways
        for way in 0..<Self.ways where first[way].hash == hash {
            // A struct's parts lie in their order.
            let entry = UnsafeRawPointer(first + way) + MemoryLayout<UInt64>.stride
            guard let address = entry.load(as: UnsafeRawPointer?.self) else { continue }
            cistern_prefetch(address)
            return Unmanaged.fromOpaque(address)
        }
        return nil
    }

    /// Remembers a line, in place of what may have been remembered of it.
    package func remember(_ key: LineKey, _ lookup: Lookup) {
        guard key.rest.count <= Self.longestLine else { return }
        let entry = RecalledLine<Lookup>(key, lookup)
        let hash = hash(key)
        while bytes + entry.size > byteLimit, count > 0 { removeNext() }
        var place = self.place(for: key, hash)
        if slots[place].entry != nil, slots[place].hash != hash, setCount * Self.ways < capacity {
            grow()
            place = self.place(for: key, hash)
        }
        if let replaced = slots[place].entry {
            bytes -= replaced.size
        } else {
            count += 1
        }
        bytes += entry.size
        slots[place] = Slot(hash: hash, entry: entry)
    }

    /// The line's own slot, an empty one, or the one that gives way.
    private func place(for key: LineKey, _ hash: UInt64) -> Int {
        let first = (Int(truncatingIfNeeded: hash) & (setCount - 1)) * Self.ways
        var empty: Int?
        for place in first..<(first + Self.ways) {
            guard let entry = slots[place].entry else {
                empty = empty ?? place
                continue
            }
            if slots[place].hash == hash, entry.isObject == key.isObject, Self.areEqual(entry.line, key.rest) {
                return place
            }
        }
        if let empty { return empty }
        for place in first..<(first + Self.ways) {
            if !slots[place].wasAsked { return place }
            slots[place].wasAsked = false
        }
        return first
    }

    private func grow() {
        let old = slots
        let oldCount = setCount * Self.ways
        setCount *= 2
        slots = Self.emptySlots(setCount)
        for index in 0..<oldCount {
            guard old[index].entry != nil else { continue }
            // A set's lines go to two sets, so there is room.
            var place = (Int(truncatingIfNeeded: old[index].hash) & (setCount - 1)) * Self.ways
            while slots[place].entry != nil { place += 1 }
            swap(&slots[place], &old[index])
        }
        old.deinitialize(count: oldCount)
        old.deallocate()
    }

    /// Removes the next line, around and around, that was not asked for since the last look at it.
    private func removeNext() {
        while true {
            if hand >= setCount * Self.ways { hand = 0 }
            defer { hand += 1 }
            guard let entry = slots[hand].entry else { continue }
            guard slots[hand].wasAsked else {
                bytes -= entry.size
                count -= 1
                slots[hand] = Slot()
                return
            }
            slots[hand].wasAsked = false
        }
    }

    private static func emptySlots(_ sets: Int) -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: sets * ways)
        slots.initialize(repeating: Slot(), count: sets * ways)
        return slots
    }

    // MARK: Bytes

    @inline(__always)
    private static func areEqual(_ one: UnsafeMutableRawBufferPointer, _ other: UnsafeRawBufferPointer) -> Bool {
        guard one.count == other.count else { return false }
        guard let one = one.baseAddress, let start = other.baseAddress else { return other.isEmpty }
        return memcmp(one, start, other.count) == 0
    }

    /// Words multiplied to 128 bits and folded, as in wyhash: not for secrets, but fast, and with a seed that nobody knows.
    @inline(__always)
    private func hash(_ key: LineKey) -> UInt64 {
        let bytes = key.rest
        var hash = seed ^ (UInt64(bytes.count) << 1 | (key.isObject ? 1 : 0))
        guard bytes.count >= 16 else {
            var words: (UInt64, UInt64) = (0, 0)
            for (index, byte) in bytes.enumerated() {
                if index < 8 {
                    words.0 |= UInt64(byte) << (8 * index)
                } else {
                    words.1 |= UInt64(byte) << (8 * index - 64)
                }
            }
            return Self.folded(words.0 ^ 0x8EBC_6AF0_9C88_C6E3 ^ hash, words.1 ^ 0x5899_65CC_7537_4CC3)
        }
        var index = 0
        while index + 16 < bytes.count {
            hash = Self.mixed(hash, bytes, at: index)
            index += 16
        }
        // The last 16 bytes, of which some may have been seen already.
        return Self.mixed(hash, bytes, at: bytes.count - 16)
    }

    @inline(__always)
    private static func mixed(_ hash: UInt64, _ bytes: UnsafeRawBufferPointer, at index: Int) -> UInt64 {
        let one = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        let two = bytes.loadUnaligned(fromByteOffset: index + 8, as: UInt64.self)
        return folded(one ^ 0xA076_1D64_78BD_642F ^ hash, two ^ 0xE703_7ED1_A0B4_28DB)
    }

    @inline(__always)
    private static func folded(_ one: UInt64, _ two: UInt64) -> UInt64 {
        let (high, low) = one.multipliedFullWidth(by: two)
        return high ^ low
    }
}
