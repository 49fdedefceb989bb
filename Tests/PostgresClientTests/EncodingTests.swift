import NIOCore
import PostgresClient
import Testing

/// Every value is compared with what the server's own `to_json` makes of it.
@Suite(.enabled(if: PostgresFixture.url != nil), .timeLimit(.minutes(2))) struct EncodingTests {
    static let expressions = [
        "1::int2", "-2147483648", "9223372036854775807", "0.1::float4", "1e300::float8", "'NaN'::float8",
        "'-Infinity'::float8",
        "'Infinity'::float4", "1.50::numeric(10,2)", "'NaN'::numeric", "'-Infinity'::numeric",
        "repeat('9', 1000)::numeric", "('0.' || repeat('3', 1000))::numeric", "true", "false", "NULL::int",
        "NULL::text[]",
        "'a\"b\\c' || chr(10) || chr(9) || chr(1) || 'é😀'", "''::text", "'ab'::char(5)", "'x'::\"char\"", "'n'::name",
        "'{\"b\": 1, \"a\":   [1,2]}'::json", "'{\"b\": 1, \"a\": [1.10]}'::jsonb", "'null'::jsonb", "'1e3'::jsonb",
        "'\\xdeadbeef'::bytea", "''::bytea", "date '2024-02-29'", "date 'infinity'", "date '-infinity'",
        "date '0044-03-15 BC'", "date '10000-01-01'", "time '12:34:56.789'", "timetz '12:34:56+02'",
        "timestamp '2024-02-29 12:34:56.789'", "timestamp 'infinity'", "timestamp '0044-03-15 01:02:03 BC'",
        "timestamptz '2024-02-29 12:34:56.789+05:45'", "timestamptz '-infinity'",
        "timestamptz '0001-01-01 00:00:00+00'",
        "timestamptz '0044-03-15 01:02:03+00 BC'", "interval '1 year 2 mons -3 days 04:05:06.7'",
        "'6b29fc40-ca47-1067-b31d-00dd010662da'::uuid", "'192.168.0.1/24'::inet", "'08:00:2b:01:02:03'::macaddr",
        "B'1010'", "B'1010'::varbit", "'12.34'::money", "point(1,2)", "box(point(0,0),point(1,1))", "'<a>b</a>'::xml",
        "to_tsvector('simple', 'a b')", "'a & b'::tsquery", "'1'::oid", "'pg_class'::regclass", "'1/2'::pg_lsn",
        "int4range(1,5)", "'empty'::int4range", "numrange(1.5,NULL)", "tstzrange('2024-01-01 00:00+00', NULL)",
        "'{[1,3),[5,7)}'::int4multirange", "'$.a'::jsonpath",
        "ARRAY[1,2,NULL]", "'{}'::int[]", "ARRAY[[1,2],[3,4]]", "'{{{1},{2}},{{3},{4}}}'::int[]",
        "'[2:3]={5,6}'::int[]",
        "'[0:1][5:6]={{1,2},{3,4}}'::int[]", "ARRAY['a','b \"c\"', 'd\\e', 'NULL', NULL, '', '{', ',']",
        "ARRAY[true,false]", "ARRAY[1.50,NULL,'NaN']::numeric[]", "ARRAY['{\"a\":[1]}'::json, 'null'::json]",
        "ARRAY['{\"a\": 1}'::jsonb, NULL]", "ARRAY[date '2024-01-01']", "ARRAY[timestamptz '2024-01-01 00:00:00+00']",
        "ARRAY[timestamp '2024-01-01 00:00:00.5']", "ARRAY[box(point(0,0),point(1,1)), box(point(2,2),point(3,3))]",
        "ARRAY[point(1,2)]", "ARRAY['\\x00'::bytea]", "ARRAY[interval '1 day']", "ARRAY[int4range(1,2)]",
    ]

    @Test(arguments: expressions) func equalsToJSON(expression: String) async throws {
        try await PostgresFixture.withPool { pool in
            let ours = try await pool.json("SELECT \(expression) AS value")
            let theirs = try await pool.rows("SELECT to_json(\(expression))::text")[0][0] ?? "null"
            #expect(ours.hasSuffix(",\"rows\":[[\(theirs)]],\"row_count\":1"), "\(ours) is not \(theirs)")
        }
    }

    /// Room is made for as much as is expected, and what was expected in vain is not kept.
    @Test func largeResultsAreExpected() async throws {
        try await PostgresFixture.withPool { pool in
            func body(length: Int, expecting bytes: Int) async throws -> ByteBuffer {
                var step = PostgresStep(sql: "SELECT repeat('x', $1::int) AS x", parameters: [.text("\(length)")])
                step.expectedBytes = bytes
                var script = PostgresScript(steps: [step])
                script.maximumResultBytes = 1 << 20
                return try await pool.run(script)[0].body
            }
            for length in [0, 10, 200_000] {
                let expected = try await body(length: length, expecting: 300_000)
                #expect(try await body(length: length, expecting: 0) == expected)
                // A buffer that grows by itself has no room for 300,000 bytes when it holds 200,000.
                if length == 200_000 {
                    #expect(expected.storageCapacity >= 300_000)
                } else {
                    #expect(expected.storageCapacity < 4096)
                }
            }
            // No more than the result may have.
            let much = try await body(length: 700_000, expecting: .max)
            #expect(much.storageCapacity <= 1 << 20)
        }
    }

    @Test func typesOfOneOwn() async throws {
        try await PostgresFixture.withPool { pool in
            let setUp = [
                "DROP SCHEMA IF EXISTS encoding CASCADE", "CREATE SCHEMA encoding",
                "CREATE TYPE encoding.mood AS ENUM ('ok', 'not \"ok\"')",
                "CREATE TYPE encoding.inner_row AS (n int, t text, a text[])",
                "CREATE TYPE encoding.outer_row AS (\"Weird \"\"name\" encoding.inner_row, at timestamptz, j jsonb, m encoding.mood)",
                "CREATE DOMAIN encoding.positive AS int CHECK (value > 0)", "CREATE DOMAIN encoding.many AS int[]",
            ]
            for sql in setUp { try await pool.json(sql) }
            let inner = "ROW(1, 'a,\"b\" (\\c)', ARRAY['x','y\"'])::encoding.inner_row"
            let outer = "ROW(\(inner), '2024-01-01 00:00:00+00', '{\"a\": \"(\"}', 'not \"ok\"')::encoding.outer_row"
            let expressions = [
                "'ok'::encoding.mood", "ARRAY['ok','not \"ok\"']::encoding.mood[]", "5::encoding.positive",
                "ARRAY[1,2]::encoding.positive[]", "'{1,2}'::encoding.many", inner, outer, "ARRAY[\(inner), NULL]",
                "ROW(NULL, '', NULL)::encoding.inner_row", "NULL::encoding.outer_row",
            ]
            for expression in expressions {
                // Each new type is met by rows that are on their way already.
                let ours = try await pool.json("SELECT \(expression) AS value FROM generate_series(1, 3)")
                let theirs = try await pool.rows("SELECT to_json(\(expression))::text")[0][0] ?? "null"
                #expect(
                    ours.hasSuffix(",\"rows\":[[\(theirs)],[\(theirs)],[\(theirs)]],\"row_count\":3"),
                    "\(ours) is not \(theirs)"
                )
            }
        }
    }

    @Test func columnsAndCounts() async throws {
        try await PostgresFixture.withPool { pool in
            #expect(
                try await pool.json("SELECT 1 AS \"a\"\"b\", ARRAY[1] AS x WHERE false")
                    == "\"columns\":[{\"name\":\"a\\\"b\",\"type\":\"int4\"},{\"name\":\"x\",\"type\":\"_int4\"}],\"rows\":[],\"row_count\":0"
            )
            #expect(
                try await pool.json("SELECT FROM generate_series(1,2)")
                    == "\"columns\":[],\"rows\":[[],[]],\"row_count\":2"
            )
            let body = try await pool.json("SELECT i, i * 2 FROM generate_series(1, 3) AS i")
            #expect(body.hasSuffix("\"rows\":[[1,2],[2,4],[3,6]],\"row_count\":3"))
        }
    }

    @Test func aDocumentOfSeveralLinesIsOneLine() async throws {
        try await PostgresFixture.withPool { pool in
            let body = try await pool.json("SELECT E'{\\n  \"a\": 1\\n}'::json AS j")
            #expect(body.hasSuffix("\"rows\":[[{   \"a\": 1 }]],\"row_count\":1"))
        }
    }
}
