package import NIOCore

/// An entry as Redis holds it.
///
/// Ages are told by what is left of the key's own time in Redis, so the clocks of the machines that write and read need
/// not agree.
///
/// ```
/// version (1) │ age when stored, ms (8) │ TTL, ms (8) │ time kept past the TTL, ms (8) │ cost, µs (8)
/// │ n (2) │ n generations (16 each) │ body
/// ```
package struct StoredEntry: Sendable, Equatable {
    static let version: UInt8 = 1

    /// Milliseconds between the question to PostgreSQL and the storing.
    package var ageWhenStored: Int64
    /// Milliseconds from the storing on.
    package var ttl: Int64
    /// Milliseconds that Redis keeps it longer, for answers past their TTL.
    package var grace: Int64
    /// Microseconds that PostgreSQL took.
    package var cost: Int64
    /// In the order of the tags.
    package var generations: [Generation]
    package var body: ByteBuffer

    package init(
        ageWhenStored: Int64,
        ttl: Int64,
        grace: Int64,
        cost: Int64,
        generations: [Generation],
        body: ByteBuffer
    ) {
        self.ageWhenStored = ageWhenStored
        self.ttl = ttl
        self.grace = grace
        self.cost = cost
        self.generations = generations
        self.body = body
    }

    /// Nil where the bytes are not an entry of this version.
    package init?(_ bytes: ByteBuffer) {
        var bytes = bytes
        guard bytes.readInteger(as: UInt8.self) == Self.version,
            let (age, ttl, grace, cost) = bytes.readMultipleIntegers(as: (Int64, Int64, Int64, Int64).self),
            age >= 0, ttl >= 0, grace >= 0, cost >= 0,
            let count = bytes.readInteger(as: UInt16.self),
            bytes.readableBytes >= Int(count) * Generation.length
        else { return nil }
        ageWhenStored = age
        self.ttl = ttl
        self.grace = grace
        self.cost = cost
        generations = []
        generations.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let generation = Generation(from: &bytes) else { return nil }
            generations.append(generation)
        }
        body = bytes
    }

    package var bytes: ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: encodedLength)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: encodedLength) { room in
            write(to: UnsafeMutableRawBufferPointer(rebasing: room[..<encodedLength]))
            return encodedLength
        }
        return buffer
    }

    /// Bytes that ``write(to:)`` writes.
    package var encodedLength: Int {
        Self.generationsOffset + generations.count * Generation.length + body.readableBytes
    }

    /// - Parameter room: ``encodedLength`` bytes.
    package func write(to room: UnsafeMutableRawBufferPointer) {
        precondition(room.count == encodedLength)
        room[0] = Self.version
        var offset = 1
        for number in [ageWhenStored, ttl, grace, cost] {
            room.storeBytes(of: number.bigEndian, toByteOffset: offset, as: Int64.self)
            offset += 8
        }
        room.storeBytes(
            of: UInt16(truncatingIfNeeded: generations.count).bigEndian,
            toByteOffset: offset,
            as: UInt16.self
        )
        offset += 2
        for generation in generations {
            generation.write(to: room, at: offset)
            offset += Generation.length
        }
        body.withUnsafeReadableBytes { UnsafeMutableRawBufferPointer(rebasing: room[offset...]).copyMemory(from: $0) }
    }

    /// The time for which Redis keeps it, in milliseconds.
    package var lifetime: Int64 { ttl.addingSaturated(grace) }
}

extension Int64 {
    func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
