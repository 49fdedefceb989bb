internal import JSONText
package import NIOCore
internal import PostgresClient
internal import QueryCache
internal import SQLAnalysis
internal import Synchronization

/// A request's look into memory with everything about it decided: what ``QueryProxy/immediateAnswer(to:)`` finds out that
/// hangs on the request, the schema and the settings, and not on what memory holds.
///
/// Who gets the same request again need neither read it nor route it: ``QueryProxy/writeHit(_:id:into:)`` looks into memory
/// under the same key and policy, with the same checks as ever. It is out of date, and finds nothing, once the schema, the
/// settings or PostgreSQL's identity may have changed.
package final class ReadyLookup: Sendable {
    fileprivate let key: CacheKey
    fileprivate let policy: CachePolicy
    fileprivate let statement: KnownStatement
    /// Where the namespace's answers are counted.
    fileprivate let place: Int
    fileprivate let version: UInt64

    fileprivate init(
        _ lookup: CacheLookup,
        _ statement: KnownStatement,
        place: Int,
        version: UInt64
    ) {
        key = lookup.key
        policy = lookup.policy
        self.statement = statement
        self.place = place
        self.version = version
    }
}

/// An answer that was in memory, and how to ask for it again.
package struct ImmediateAnswer: Sendable {
    package var response: Response
    /// Nil where the request has to be read anew each time: where its answers are counted by a name of the caller's own.
    package var lookup: ReadyLookup?

    package init(response: Response, lookup: ReadyLookup? = nil) {
        self.response = response
        self.lookup = lookup
    }
}

extension QueryProxy {
    /// Whatever a route hangs on besides its request: raised, never lowered, after any of it has changed.
    var routeVersion: UInt64 {
        statements.schemaVersion &+ settingsVersion.load(ordering: .acquiring) &+ postgres.identityVersion
    }

    /// The answer, if memory holds it. Called on the event loop that read the request.
    package func immediateAnswer(to request: ProxyRequest) -> ImmediateAnswer? {
        // Before all that it tells of: a change meanwhile leaves a look-up that is out of date from the start.
        let version = routeVersion
        let began = NIODeadline.now()
        guard case .query(let query) = request, query.invalidate.isEmpty, query.refresh.isEmpty,
            let identity = postgres.identity,
            let statement = statements.known(query.sql),
            let plan = statement.plan(under: query.searchPath, schemaVersion: statements.schemaVersion),
            case .cacheable = plan.cacheability, case .read = statement.shape.kind,
            case .lookup(let lookup) = route(query, statement, plan, identity),
            let answer = cache.memoryAnswer(for: lookup.key, policy: lookup.policy)
        else { return nil }
        queries.countMemoryHit(of: statement)
        return ImmediateAnswer(
            response: .answer(counted(answer, namespace: lookup.namespace, since: began)),
            lookup: counters.place(of: lookup.namespace).map {
                ReadyLookup(lookup, statement, place: $0, version: version)
            }
        )
    }

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
        guard lookup.version == routeVersion,
            let hit = cache.memoryHit(for: lookup.key, policy: lookup.policy),
            hit.body.readableBytes <= Self.largestCopiedBody
        else { return false }
        output.writeHit(id: id, age: hit.age, remaining: hit.remaining, body: hit.body)
        queries.countMemoryHit(of: lookup.statement)
        counters.countMemoryHit(
            at: lookup.place,
            spared: hit.cost.multipliedReportingOverflow(by: 1000).partialValue,
            taken: began.nanosecondsUntilNow
        )
        return true
    }

    /// Bytes. A larger one goes out without another copy.
    package static let largestCopiedBody = 16 * 1024
}

extension ByteBuffer {
    private static let idHead: StaticString = "{\"id\":"
    private static let answerHead: StaticString = "\"ok\":true,\"cache\":\"memory\",\"age_ms\":"
    private static let remainingHead: StaticString = ",\"ttl_ms\":"

    /// The same bytes as those of a ``Response``, in one piece of memory that is asked for once.
    fileprivate mutating func writeHit(id: UnsafeRawBufferPointer, age: Int64, remaining: Int64, body: ByteBuffer) {
        // Room for what is fixed (under 80 bytes) and two numbers of at most 20 digits.
        let room = 128 + id.count + body.readableBytes
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
            body.withUnsafeReadableBytes { body in
                if let source = body.baseAddress { next.copyMemory(from: source, byteCount: body.count) }
            }
            next += body.readableBytes
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
