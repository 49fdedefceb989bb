import RedisClient
import Testing

@testable import QueryCache
@testable import QueryProxy

@Suite struct RedisKeysTests {
    @Test func aPrefixStandsForItself() {
        let keys = RedisKeys(prefix: "shop[1]*?\\:")
        let glob = Glob(keys.userGenerations(matching: "product:*"))
        #expect(glob.matches(keys.generation(.user("product:42"))))
        #expect(!glob.matches(keys.generation(.user("products"))))
        // Were the prefix a pattern, it would find these.
        #expect(!glob.matches("shop1xy\\:cistern:g:u:product:42"))
        #expect(!Glob(keys.serviceKeys(matching: "*")).matches("shop1 anything"))
        #expect(Glob(keys.serviceKeys(matching: "product:?")).matches(keys.service("product:4")))
    }

    @Test func aCallersPatternReachesCallersTagsOnly() {
        let keys = RedisKeys(prefix: "")
        let glob = Glob(keys.userGenerations(matching: "*"))
        #expect(glob.matches(keys.generation(.user("e"))))
        for tag: ProxyTag in [.epoch, .anyTable, .table("public.products"), .namespace("products")] {
            #expect(!glob.matches(keys.generation(tag)))
        }
    }

    @Test func noTwoThingsHaveOneName() {
        let keys = RedisKeys(prefix: "p:")
        let tags: [ProxyTag] = [
            .epoch, .anyTable, .table("e"), .namespace("e"), .user("e"), .user("t:e"), .table("u:e"), .user(""),
        ]
        var names = Set(tags.map { keys.generation($0) })
        names.formUnion([
            keys.entry(CacheKey(0, 0, 0, 1)), keys.lease("x"), keys.waiter("x"), keys.server, keys.controlChannel,
        ])
        #expect(names.count == tags.count + 5)
        #expect(names.allSatisfy { !keys.isService($0) })
    }

    @Test(arguments: [
        ("p:product:42", true), ("p:a:\u{301}", true), ("p:\u{301}:1", true), ("p:a:", true), ("p:cistern", false),
        ("p:cistern:e:x", false), ("product:42", false),
        ("p:counter", false), ("", false),
    ])
    func keysOfTheCacheServiceHaveANamespace(key: String, isService: Bool) {
        #expect(RedisKeys(prefix: "p:").isService(key) == isService)
    }

    @Test(arguments: ["", "p:", "é:"])
    func aCommandNamesAnEntryAsItsTextDoes(prefix: String) {
        let keys = RedisKeys(prefix: prefix)
        let key = CacheKey(0x0123_4567_89AB_CDEF, 2, .max, 4)
        #expect(keys.command("SET", entry: key, capacity: 10) == RedisCommand("SET", keys.entry(key)))
    }

    @Test func aLeaseIsUnderItsGenerations() {
        let key = CacheKey(1, 2, 3, 4)
        let (one, other) = (Generation(), Generation())
        let name = RedisKeys.leaseName(key, under: [one, other])
        #expect(name == RedisKeys.leaseName(key, under: [one, other]))
        #expect(name != RedisKeys.leaseName(key, under: [other, one]))
        #expect(name != RedisKeys.leaseName(key, under: [one, Generation()]))
        #expect(name != RedisKeys.leaseName(CacheKey(1, 2, 3, 5), under: [one, other]))
    }
}
