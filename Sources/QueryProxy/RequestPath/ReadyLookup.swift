internal import CPrefetch
internal import JSONText
package import NIOCore
internal import PostgresClient
package import QueryCache
internal import SQLAnalysis
internal import Synchronization

/// A request's look-up with everything about it decided: what ``QueryProxy/begin(_:)`` finds out that hangs on the request,
/// the schema and the settings, and not on what the cache holds.
///
/// Who gets the same request again need neither read it nor route it: ``QueryProxy/writeHit(_:id:since:into:)`` looks into
/// memory and ``QueryProxy/begin(again:since:)`` into Redis, under the same key and policy, with the same checks as ever. It is out of
/// date, and finds nothing, once the schema, the settings or PostgreSQL's identity may have changed.
package final class ReadyLookup: Sendable {
    let lookup: CacheLookup
    let statement: KnownStatement
    let hasOwnTimeout: Bool
    /// Where the namespace's answers are counted; nil for one that nobody configured, which is counted by its name.
    let place: Int?
    fileprivate let version: UInt64
    /// Made when it is needed first.
    private let redisQuestion = Mutex<(any SharedQuestion)?>(nil)

    init(_ lookup: CacheLookup, _ statement: KnownStatement, hasOwnTimeout: Bool, place: Int?, version: UInt64) {
        self.lookup = lookup
        self.statement = statement
        self.hasOwnTimeout = hasOwnTimeout
        self.place = place
        self.version = version
    }

    package var key: CacheKey { lookup.key }

    /// Asks the processor for what asks Redis, where memory is not asked.
    package func prefetchQuestion() {
        if lookup.policy.usesMemory { return }
        redisQuestion.withLock { question in
            guard let question else { return }
            cistern_prefetch(UnsafeRawPointer(Unmanaged.passUnretained(question as AnyObject).toOpaque()))
        }
        lookup.tags.prefetch()
    }

    /// Once that is there, asks for what it sends.
    package func prefetchCommands() {
        if lookup.policy.usesMemory { return }
        redisQuestion.withLock { $0?.prefetch() }
    }

    /// What asks Redis.
    func question(_ make: () -> (any SharedQuestion)?) -> (any SharedQuestion)? {
        redisQuestion.withLock { question in
            if question == nil { question = make() }
            return question
        }
    }
}

extension QueryProxy {
    /// Whatever a route hangs on besides its request: raised, never lowered, after any of it has changed.
    var routeVersion: UInt64 {
        statements.schemaVersion &+ settingsVersion.load(ordering: .acquiring) &+ postgres.identityVersion
    }

    func isUpToDate(_ lookup: ReadyLookup) -> Bool { lookup.version == routeVersion }

    /// Writes the whole answer as a line, if memory holds it and the look-up is not out of date. Waits for nothing.
    ///
    /// - Parameters:
    ///   - id: as it is to be echoed; empty where there is none.
    ///   - began: when the request had been read.
    package func writeHit(
        _ lookup: ReadyLookup,
        id: UnsafeRawBufferPointer,
        since began: NIODeadline,
        into output: inout ByteBuffer
    ) -> Bool {
        guard lookup.version == routeVersion, let place = lookup.place,
            let hit = cache.memoryHit(for: lookup.lookup.key, policy: lookup.lookup.policy)
        else { return false }
        let isWritten = hit.result.withBody { body in
            guard body.count <= Self.largestCopiedBody else { return false }
            output.writeHit(id: id, age: hit.age, remaining: hit.remaining, body: body)
            return true
        }
        guard isWritten else { return false }
        queries.countMemoryHit(of: lookup.statement)
        counters.countMemoryHit(
            at: place,
            spared: hit.cost.multipliedReportingOverflow(by: 1000).partialValue,
            taken: began.nanosecondsUntilNow
        )
        return true
    }

    /// Asks the processor for memory that ``writeHit(_:id:since:into:)`` will touch.
    package func prefetch(_ key: CacheKey, _ step: MemoryPrefetch) {
        cache.prefetch(key, step)
    }

    /// Bytes. A larger one goes out without another copy.
    package static let largestCopiedBody = 16 * 1024
}

extension ByteBuffer {
    private static let idHead: StaticString = "{\"id\":"
    private static let answerHead: StaticString = "\"ok\":true,\"cache\":\"memory\",\"age_ms\":"
    private static let remainingHead: StaticString = ",\"ttl_ms\":"

    /// The same bytes as those of a ``Response``, in one piece of memory that is asked for once.
    fileprivate mutating func writeHit(
        id: UnsafeRawBufferPointer,
        age: Int64,
        remaining: Int64,
        body: UnsafeRawBufferPointer
    ) {
        // Room for what is fixed (under 80 bytes) and two numbers of at most 20 digits.
        let room = 128 + id.count + body.count
        writeWithUnsafeMutableBytes(minimumWritableBytes: room) { output in
            guard let start = output.baseAddress else { return 0 }
            var next = start
            if id.isEmpty {
                next.storeBytes(of: UInt8(ascii: "{"), as: UInt8.self)
                next += 1
            } else {
                next = next.copying(Self.idHead)
                if let source = id.baseAddress { next.copyMemory(from: source, byteCount: id.count) }
                next += id.count
                next.storeBytes(of: UInt8(ascii: ","), as: UInt8.self)
                next += 1
            }
            next = next.copying(Self.answerHead).writingDecimal(age)
            next = next.copying(Self.remainingHead).writingDecimal(remaining)
            next.storeBytes(of: UInt8(ascii: ","), as: UInt8.self)
            next += 1
            if let source = body.baseAddress { next.copyMemory(from: source, byteCount: body.count) }
            next += body.count
            next.storeBytes(of: UInt8(ascii: "}"), as: UInt8.self)
            (next + 1).storeBytes(of: UInt8(ascii: "\n"), as: UInt8.self)
            return next + 2 - start
        }
    }
}

extension UnsafeMutableRawPointer {
    @inline(__always)
    fileprivate func copying(_ text: StaticString) -> UnsafeMutableRawPointer {
        copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
        return self + text.utf8CodeUnitCount
    }

    /// For a number that is not negative.
    @inline(__always)
    fileprivate func writingDecimal(_ number: Int64) -> UnsafeMutableRawPointer {
        var rest = number.magnitude
        var count = 1
        var scale = rest
        while scale >= 10 {
            scale /= 10
            count += 1
        }
        for place in stride(from: count - 1, through: 0, by: -1) {
            storeBytes(
                of: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10),
                toByteOffset: place,
                as: UInt8.self
            )
            rest /= 10
        }
        return self + count
    }
}
