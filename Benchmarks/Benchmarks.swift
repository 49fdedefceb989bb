// The mechanisms on the way of a hit, each alone: `benchmarks NAME ROUNDS` runs one of them so often and prints the
// nanoseconds that a round took. scripts/benchmarks counts the instructions of a round and compares them with limits.

internal import Dispatch
internal import JSONText
internal import LineProtocol
internal import NIOCore
internal import QueryCache
internal import QueryProxy
internal import RedisClient

/// What a round works on, and the round.
struct Mechanism {
    let name: String
    let what: String
    let round: () -> Void
}

/// Keeps the optimiser from leaving out what nobody looks at.
@inline(never)
func use<Value>(_ value: Value) {
    withExtendedLifetime(value) {}
}

private let line =
    "{\"sql\":\"SELECT id, organization_id, sku, name, base_price, is_active FROM products WHERE id = $1\",\"params\":[4242]}"
private let body = ByteBuffer(
    string: """
        "columns":[{"name":"id","type":"int8"},{"name":"organization_id","type":"int8"},{"name":"sku","type":"text"},\
        {"name":"name","type":"text"},{"name":"base_price","type":"numeric"},{"name":"is_active","type":"bool"}],\
        "rows":[[4242,43,"P-004242","Yerba familiar 4242",305.77,true]],"row_count":1
        """
)

private struct Source: QuerySource {
    func fetch() async throws -> ByteBuffer { body }
}

private final class Remembered {}

private func key() -> CacheKey {
    var builder = CacheKeyBuilder()
    for part in [
        "1", "7318349394477056", "shop", "app", "\"$user\", public", "UTC", "ISO, MDY", "postgres", "hex", "1",
    ] {
        builder.append(part)
    }
    builder.append("SELECT id, organization_id, sku, name, base_price, is_active FROM products WHERE id = $1")
    builder.append("products")
    builder.append(count: 0)
    builder.append(count: 1)
    builder.append("t")
    builder.append("4242")
    return builder.finish()
}

private func lookUp() -> Mechanism {
    let cache = QueryCache(settings: QueryCacheSettings(), shared: nil)
    let key = key()
    let policy = CachePolicy(ttl: 300_000)
    // The main thread waits, and is not Swift's: valgrind does not survive the end of an asynchronous `main`.
    let isStored = DispatchSemaphore(value: 0)
    Task {
        _ = try await cache.answer(
            for: key,
            tags: [.epoch, .namespace("products"), .table("public.products")],
            policy: policy,
            from: Source()
        )
        isStored.signal()
    }
    isStored.wait()
    return Mechanism(name: "memory", what: "a look into memory, with all that makes an answer valid") {
        guard let hit = cache.memoryHit(for: key, policy: policy) else { fatalError("the answer has just been stored") }
        use(hit.age)
    }
}

private func recall() -> Mechanism {
    let lines = RecalledLines<Remembered>()
    let bytes = Array(line.utf8)
    bytes.withUnsafeBytes { lines.remember(LineKey($0), Remembered()) }
    return Mechanism(name: "recall", what: "finding a line by its bytes") {
        bytes.withUnsafeBytes { use(lines.lookup(of: LineKey($0)) != nil) }
    }
}

private func respond() -> Mechanism {
    var output = ByteBufferAllocator().buffer(capacity: 2048)
    return Mechanism(name: "encode", what: "an answer as a line") {
        output.clear()
        let answer = QueryAnswer(source: .memory, age: 1234, remaining: 298_766, body: body)
        Response.answer(answer).writeHead(into: &output)
        output.writeImmutableBuffer(answer.body)
        use(output.readableBytes)
    }
}

private func decodeRESP() -> Mechanism {
    var reply = ByteBuffer(string: "$\(body.readableBytes)\r\n")
    reply.writeImmutableBuffer(body)
    reply.writeString("\r\n:298766\r\n*2\r\n$16\r\n0123456789abcdef\r\n$16\r\nfedcba9876543210\r\n")
    return Mechanism(name: "resp", what: "Redis's replies to the read of an entry") {
        var decoder = RESPDecoder()
        var bytes = reply
        while let value = try? decoder.decode(buffer: &bytes) { use(value) }
    }
}

private func mechanisms() -> [Mechanism] {
    let buffer = ByteBuffer(string: line)
    return [
        Mechanism(name: "decode", what: "reading a request's line") { use(try? LineRequest(line: buffer)) },
        Mechanism(name: "key", what: "an entry's key") { use(key().w0) },
        lookUp(), recall(), respond(), decodeRESP(),
    ]
}

@main
enum Benchmarks {
    static func main() {
        let all = mechanisms()
        let arguments = CommandLine.arguments.dropFirst()
        guard let name = arguments.first, let rounds = arguments.dropFirst().first.flatMap({ Int($0) }) else {
            for mechanism in all { print("\(mechanism.name)\t\(mechanism.what)") }
            return
        }
        guard let mechanism = all.first(where: { $0.name == name }) else { fatalError("there is no \(name)") }
        let start = NIODeadline.now()
        for _ in 0..<rounds { mechanism.round() }
        let nanoseconds = (NIODeadline.now() - start).nanoseconds
        print("\(Double(nanoseconds) / Double(max(1, rounds)))")
    }
}
