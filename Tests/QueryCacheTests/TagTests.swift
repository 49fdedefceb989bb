import NIOCore
import QueryCache
import Testing

@Suite struct TagTests {
    @Test func namesOfCallersNeverMeetOurs() {
        let tags: [QueryCacheTag] = [
            .epoch, .anyTable, .table("e"), .table("a"), .wholeTable("e"), .row(table: "e", bucket: 0),
            .row(table: "1:e", bucket: 7), .row(table: "", bucket: 65_535), .table("u:x"), .namespace("e"),
            .namespace("t:x"), .user("e"),
            .user("a"), .user("t:x"), .user("n:e"), .user(""), .user("u:e"),
        ]
        #expect(Set(tags.map(\.name)).count == tags.count)
        for tag in tags { #expect(QueryCacheTag(name: tag.name) == tag) }
        #expect(QueryCacheTag(name: "x:y") == nil && QueryCacheTag(name: "") == nil)
    }

    @Test func tagsAreEqualByTheirBytes() {
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        #expect(composed == decomposed)
        #expect(QueryCacheTag.user(composed) != .user(decomposed))
        #expect(Set([QueryCacheTag.user(composed), .user(decomposed), .table("e"), .user("e")]).count == 4)
    }

    @Test func aSnapshotIsCurrentUntilItsTagsAreInvalidated() {
        let table = TagTable()
        let snapshot = table.snapshot(of: [.epoch, .table("t"), .user("u")])
        #expect(snapshot.isCurrent)
        table.invalidate([.table("other"), .user("t"), .namespace("t")])
        #expect(snapshot.isCurrent)
        table.invalidate([.user("u")])
        #expect(!snapshot.isCurrent)
        let second = table.snapshot(of: [.table("t")])
        table.invalidateEverything()
        #expect(!second.isCurrent)
    }

    /// One list of tags gets one snapshot, as long as that says what is so.
    @Test func aSharedSnapshotIsNeverOutOfDate() {
        let table = TagTable(limit: 100)
        let tags: TagList = [.epoch, .namespace("n"), .table("t")]
        for round in 0..<300 {
            let snapshot = table.snapshot(of: tags)
            #expect(snapshot.isCurrent && table.snapshot(of: tags).isCurrent)
            switch round % 4 {
            case 0: table.invalidate([.table("t")])
            case 1: table.invalidate([.namespace("n")])
            case 2: table.invalidateEverything()
            // Others make it forget the namespace, or not.
            default:
                for number in 0..<round { _ = table.snapshot(of: [.user("\(round) \(number)")]) }
                table.invalidate([.namespace("n")])
            }
            #expect(!snapshot.isCurrent, "round \(round)")
            let next = table.snapshot(of: tags)
            table.invalidate([.namespace("n")])
            #expect(!next.isCurrent, "round \(round)")
        }
        // As many lists as a caller likes.
        for number in 0..<2000 { #expect(table.snapshot(of: [.table("\(number % 3)")]).isCurrent) }
    }

    /// Answers of one statement share what they have in common; each has its own rows besides.
    @Test func rowsStandBesideWhatIsShared() {
        let table = TagTable()
        let common: [QueryCacheTag] = [.epoch, .namespace("n"), .wholeTable("t")]
        let rows = (0..<3).map { QueryCacheTag.row(table: "t", bucket: $0) }
        func snapshots() -> [TagSnapshot] {
            [[rows[0]], [rows[1]], [rows[0], rows[2]], []].map { table.snapshot(of: TagList(common, rows: $0)) }
        }
        for (tag, current) in [
            (rows[0], [false, true, false, true]), (rows[1], [true, false, true, true]),
            (rows[2], [true, true, false, true]), (.wholeTable("t"), [false, false, false, false]),
            (.namespace("n"), [false, false, false, false]), (.table("t"), [true, true, true, true]),
            (.row(table: "u", bucket: 0), [true, true, true, true]), (.epoch, [false, false, false, false]),
        ] as [(QueryCacheTag, [Bool])] {
            let taken = snapshots()
            #expect(taken.allSatisfy { $0.isCurrent })
            table.invalidate([tag])
            #expect(taken.map { $0.isCurrent } == current, "\(tag)")
        }
        // As many as there are buckets, and no more.
        for number in 0..<100_000 {
            _ = table.snapshot(of: TagList(common, rows: [.row(table: "t", key: String(number))]))
        }
        #expect(table.count <= QueryCacheTag.rowBuckets + 5)
    }

    /// A generation that was read is known until an invalidation is seen.
    @Test func generationsAreKnownUntilTheTagIsInvalidated() {
        let table = TagTable()
        let common: [QueryCacheTag] = [.epoch, .namespace("n"), .wholeTable("t")]
        let tags = TagList(common, rows: [.row(table: "t", bucket: 1)])
        let several = TagList(common, rows: [.row(table: "t", bucket: 1), .row(table: "t", bucket: 2)])
        let generations = (0..<5).map { _ in Generation() }
        #expect(table.snapshot(of: tags).knownGenerations == nil)
        // One is missing in the store.
        table.snapshot(of: tags).learn([generations[0], generations[1], nil, generations[3]])
        #expect(table.snapshot(of: tags).knownGenerations == nil)
        table.snapshot(of: tags).learn(Array(generations[..<4]))
        #expect(table.snapshot(of: tags).knownGenerations == Array(generations[..<4]))
        // They belong to the tags, not to the list.
        #expect(table.snapshot(of: several).knownGenerations == nil)
        table.snapshot(of: several).learn(generations)
        #expect(table.snapshot(of: several).knownGenerations == generations)
        // What does not fit is nothing.
        table.snapshot(of: several).learn([Generation()])
        #expect(table.snapshot(of: several).knownGenerations == generations)
        for tag in common + [.row(table: "t", bucket: 1)] {
            // Read before the invalidation, and told after it.
            let before = table.snapshot(of: tags)
            table.invalidate([tag])
            before.learn(Array(generations[..<4]))
            #expect(table.snapshot(of: tags).knownGenerations == nil, "\(tag)")
            table.snapshot(of: tags).learn(Array(generations[..<4]))
            #expect(table.snapshot(of: tags).knownGenerations != nil, "\(tag)")
        }
    }

    /// What the store was given at an invalidation is known after it, until the next; never the epoch's.
    @Test func generationsThatWereGivenAreKnown() {
        let table = TagTable()
        let tags = TagList([.epoch, .wholeTable("t"), .user("u")], rows: [.row(table: "t", bucket: 1)])
        var generations = (0..<4).map { _ in Generation() }
        table.snapshot(of: tags).learn(generations)
        for (index, tag) in tags.enumerated() {
            table.invalidate([tag])
            let given = Generation()
            table.learn([tag: given, .table("nobody's"): Generation()])
            if case .epoch = tag {
                #expect(table.snapshot(of: tags).knownGenerations == nil)
                table.snapshot(of: tags).learn(generations)
                continue
            }
            generations[index] = given
            #expect(table.snapshot(of: tags).knownGenerations == generations, "\(tag)")
            // Who looked before does not count it as what he saw.
            let before = table.snapshot(of: tags)
            table.invalidate([tag])
            #expect(table.snapshot(of: tags).knownGenerations == nil && !before.isCurrent, "\(tag)")
            table.learn([tag: given])
        }
        #expect(table.count == 3)
    }

    /// Every proxy must come to the same bucket, whatever its version.
    @Test func bucketsAreTheSameEverywhereAndEvenlyFilled() {
        let known = ["": 59547, "1": 45023, "42": 15106, "a0eebc999c0b4ef8bb6d6bb9bd380a11": 35892]
        for (key, bucket) in known {
            #expect(QueryCacheTag.row(table: "t", key: key) == .row(table: "t", bucket: UInt16(bucket)), "\(key)")
        }
        var counts = [Int](repeating: 0, count: QueryCacheTag.rowBuckets)
        for number in 0..<(8 * counts.count) {
            guard case .row(_, let bucket) = QueryCacheTag.row(table: "t", key: String(number)) else { continue }
            counts[Int(bucket)] += 1
        }
        // Eight each on average; by chance some hold two dozen.
        #expect((counts.max() ?? 0) < 40)
        #expect(counts.count { $0 == 0 } < 100)
    }

    @Test func aTagThatIsForgottenTakesItsSnapshotsAlong() {
        let table = TagTable(limit: 100)
        let snapshot = table.snapshot(of: [.user("first")])
        let ofTable = table.snapshot(of: [.table("t")])
        for number in 0..<200 { _ = table.snapshot(of: [.user("\(number)")]) }
        #expect(!snapshot.isCurrent)
        #expect(ofTable.isCurrent)
        #expect(table.count <= 101)
        // A new cell for the name knows nothing of the old one's snapshots.
        let again = table.snapshot(of: [.user("first")])
        table.invalidate([.user("first")])
        #expect(!again.isCurrent)
    }

    @Test(arguments: [
        ("*", "", true), ("*", "anything", true), ("a?c", "abc", true), ("a?c", "ac", false), ("a*c", "ac", true),
        ("a*c", "abbbc", true), ("a*c", "abbbd", false), ("[abc]x", "bx", true), ("[abc]x", "dx", false),
        ("[^abc]x", "dx", true), ("[a-f]*", "egg", true), ("[a-f]*", "house", false), ("\\*", "*", true),
        ("\\*", "x", false), ("products:org:*", "products:org:7", true), ("products:org:*", "products:other:7", false),
        ("*:7", "products:org:7", true), ("a**b", "ab", true), ("[\\]]", "]", true), ("[z-a]", "m", true),
        ("[", "x", false), ("é*", "élan", true), ("*a*b*c*", "xxaxxbxxcxx", true), ("*a*b*c*", "xxaxxcxxbxx", false),
        ("", "", true), ("", "x", false), ("\\", "\\", true), ("a-b", "a-b", true),
    ])
    func globs(pattern: String, text: String, matches: Bool) {
        #expect(Glob(pattern).matches(text) == matches, "\(pattern) on \(text)")
    }

    @Test func globsThatNameANamespace() {
        #expect(Glob("products:*").namesNamespace && Glob("a\\*b:?").namesNamespace && Glob("a:").namesNamespace)
        #expect(!Glob("*").namesNamespace && !Glob("p*:1").namesNamespace && !Glob("?:1").namesNamespace)
        #expect(!Glob("products").namesNamespace && !Glob("[p]:x").namesNamespace)
    }

    @Test func aHostileGlobIsLinear() {
        let glob = Glob(String(repeating: "*a", count: 2000) + "b")
        #expect(!glob.matches(String(repeating: "a", count: 20_000)))
    }
}

@Suite struct StoredEntryTests {
    static let entry = StoredEntry(
        ageWhenStored: 7,
        ttl: 300_000,
        grace: 5000,
        cost: 3,
        generations: [Generation(), Generation()],
        body: ByteBuffer(string: "\"rows\":[]")
    )

    @Test func comesBackAsItWas() {
        #expect(StoredEntry(Self.entry.bytes) == Self.entry)
        var written = ByteBuffer()
        let entry = Self.entry
        written.writeMultipleIntegers(UInt8(1), entry.ageWhenStored, entry.ttl, entry.grace, entry.cost)
        written.writeInteger(UInt16(entry.generations.count))
        for generation in entry.generations { written.writeImmutableBuffer(generation.bytes) }
        written.writeImmutableBuffer(entry.body)
        #expect(entry.bytes == written && entry.encodedLength == written.readableBytes)
        #expect(Self.entry.lifetime == 305_000)
    }

    @Test func bytesThatAreNoEntry() {
        let whole = Self.entry.bytes
        let header = 1 + 32 + 2 + 2 * Generation.length
        for length in 0..<header { #expect(StoredEntry(whole.getSlice(at: 0, length: length) ?? ByteBuffer()) == nil) }
        var other = whole
        other.setInteger(UInt8(9), at: 0)
        #expect(StoredEntry(other) == nil)
        var negative = whole
        negative.setInteger(Int64(-1), at: 1)
        #expect(StoredEntry(negative) == nil)
        var many = whole
        many.setInteger(UInt16.max, at: 33)
        #expect(StoredEntry(many) == nil)
        #expect(StoredEntry(ByteBuffer(string: "{\"json\":1}")) == nil)
    }

    @Test func partsOfAKeyDoNotRunTogether() {
        func key(_ parts: [String]) -> CacheKey {
            var builder = CacheKeyBuilder()
            for part in parts { builder.append(part) }
            return builder.finish()
        }
        let keys = [key(["ab", "c"]), key(["a", "bc"]), key(["abc"]), key(["abc", ""]), key(["", "abc"]), key([])]
        #expect(Set(keys).count == keys.count)
        #expect(key(["ab", "c"]) == keys[0])
        #expect(keys[0].hexadecimal.count == 64)
        #expect(CacheKey(0x0123_4567_89AB_CDEF, 0, 0, 1).hexadecimal.hasPrefix("0123456789abcdef"))
        for value in 0..<256 {
            let words = (0..<4).map { place in UInt64(value) << UInt64(place * 16 + value % 7) | UInt64(place) }
            let texts = words.map {
                String(repeating: "0", count: 16 - String($0, radix: 16).count) + String($0, radix: 16)
            }
            #expect(CacheKey(words[0], words[1], words[2], words[3]).hexadecimal == texts.joined())
        }
    }
}
