import JSONText
import Testing

/// Two requests share an entry if PostgreSQL would give both the same answer, and only then.
@Suite("What shares an entry")
struct KeyTests {
    @Test("Row 1: another search_path, other rows")
    func searchPath() async throws {
        try await Site.open { site in
            for tenant in ["a", "b"] {
                try await site.database.execute(
                    "CREATE SCHEMA \(site.name)_\(tenant)",
                    "CREATE TABLE \(site.name)_\(tenant).things AS SELECT '\(tenant)'::text AS owner"
                )
            }
            let client = try await site.client()
            for expected in ["miss", "memory"] {
                for tenant in ["a", "b"] {
                    let answer = try await client.query(
                        "SELECT owner FROM things",
                        #""settings":{"search_path":"\#(site.name)_\#(tenant)"}"#
                    )
                    #expect(answer.origin == expected)
                    #expect(answer.rows == #"[["\#(tenant)"]]"#)
                }
            }
            for tenant in ["a", "b"] { try await site.database.execute("DROP SCHEMA \(site.name)_\(tenant) CASCADE") }
        }
    }

    @Test("Row 2: roles whose names run together do not share entries, though everything else is equal")
    func roles() async throws {
        try await Site.open { site in
            let roles = [site.name + "_x", site.name + "_xy"]
            var clients: [LineClient] = []
            for role in roles {
                try await site.database.execute(
                    "CREATE ROLE \(role) LOGIN",
                    "CREATE SCHEMA AUTHORIZATION \(role)",
                    "CREATE TABLE \(role).mine AS SELECT '\(role)'::text AS owner",
                    "GRANT SELECT ON \(role).mine TO \(role)"
                )
                let url = try Database.url.replacing("user=cistern", with: "user=\(role)")
                clients.append(try await site.client(["DATABASE_URL": url]))
            }
            for (role, client) in zip(roles, clients) {
                let answer = try await client.query("SELECT owner FROM mine")
                #expect(answer.origin == "miss")
                #expect(answer.rows == #"[["\#(role)"]]"#)
            }
            for client in clients { #expect(try await client.query("SELECT owner FROM mine").origin == "memory") }
            for role in roles { try await site.database.execute("DROP OWNED BY \(role) CASCADE", "DROP ROLE \(role)") }
        }
    }

    @Test("Row 2: databases whose names run together do not share entries")
    func databases() async throws {
        try await Site.open { site in
            let names = [site.name + "d", site.name + "dd"]
            for name in names {
                try await site.database.execute("CREATE DATABASE \(name) TEMPLATE template0")
                let url = try Database.url.replacing("dbname=postgres", with: "dbname=\(name)")
                try await Database.with(url: url) { database in
                    try await database.execute("CREATE TABLE mine AS SELECT current_database()::text AS owner")
                }
                let answer = try await site.client(["DATABASE_URL": url]).query("SELECT owner FROM mine")
                #expect(answer.origin == "miss")
                #expect(answer.rows == #"[["\#(name)"]]"#)
            }
            for name in names { try await site.database.execute("DROP DATABASE \(name) WITH (FORCE)") }
        }
    }

    /// A setting, two values of it, and a statement that answers otherwise under each.
    static let settings = [
        ("timezone", "UTC", "Asia/Tokyo", "SELECT at FROM samples"),
        ("timezone", "UTC", "America/New_York", "SELECT id FROM samples WHERE at >= '2026-03-01 00:30'"),
        ("datestyle", "ISO, DMY", "ISO, MDY", "SELECT id FROM samples WHERE day = '03/02/2026'"),
        ("datestyle", "ISO", "German", "SELECT day::text FROM samples"),
        ("intervalstyle", "postgres", "iso_8601", "SELECT span::text FROM samples"),
        ("bytea_output", "hex", "escape", "SELECT concat(bytes) FROM samples"),
        ("extra_float_digits", "1", "-10", "SELECT number::text FROM samples"),
    ]

    @Test("Row 3: settings that change what the same text answers, or which rows match")
    func settingsOfTheRequest() async throws {
        try await Site.open { site in
            try await Self.makeSamples(site)
            let client = try await site.client()
            for (name, one, other, sql) in Self.settings {
                var rows: [String] = []
                for (index, expected) in ["miss", "memory"].enumerated() {
                    for value in [one, other] {
                        let answer = try await client.query(sql, #""settings":{"\#(name)":"\#(value)"}"#)
                        #expect(answer.origin == expected, "\(name) = \(value): \(answer)")
                        if index == 0 { rows.append(answer.rows) }
                    }
                }
                #expect(rows.first != rows.last, "\(sql) does not depend on \(name)")
            }
        }
    }

    @Test("Row 3: the same settings as the sessions' defaults of two proxies")
    func settingsOfTheSession() async throws {
        try await Site.open { site in
            try await Self.makeSamples(site)
            for (name, one, other, sql) in Self.settings.filter({ $0.0 == "timezone" || $0.0 == "intervalstyle" }) {
                var rows: [String] = []
                for value in [one, other] {
                    let url = site.postgresURL.replacing("options='", with: "options='-c \(name)=\(value) ")
                    let client = try await site.client(["DATABASE_URL": url])
                    let answer = try await client.query(sql)
                    #expect(answer.origin == "miss", "\(name) = \(value): \(answer)")
                    rows.append(answer.rows)
                }
                #expect(rows.first != rows.last, "\(sql) does not depend on \(name)")
            }
        }
    }

    private static func makeSamples(_ site: Site) async throws {
        try await site.database.execute(
            """
            CREATE TABLE samples AS SELECT 1 AS id, '2026-03-01 02:00Z'::timestamptz AS at, '2026-03-02'::date AS day,
                '1 day 2:03:04'::interval AS span, 'a\\000b'::bytea AS bytes, 0.1::float8 + 0.2::float8 AS number
            """
        )
    }

    @Test("Row 4: parameters that are written alike, or run together, have entries of their own")
    func parameters() async throws {
        try await Site.open { site in
            let client = try await site.client()
            let one = "SELECT $1::text, $1::text IS NULL"
            let cases = [
                (one, "[null]", "[[null,true]]"), (one, #"["null"]"#, #"[["null",false]]"#),
                (one, #"[""]"#, #"[["",false]]"#),
                (one, #"["n"]"#, #"[["n",false]]"#),
                ("SELECT $1::text, $2::text", #"["a","bc"]"#, #"[["a","bc"]]"#),
                ("SELECT $1::text, $2::text", #"["ab","c"]"#, #"[["ab","c"]]"#),
                ("SELECT $1::text, $2::text", #"["abc",""]"#, #"[["abc",""]]"#),
                ("SELECT $1::numeric", "[1.0]", "[[1.0]]"), ("SELECT $1::numeric", "[1.00]", "[[1.00]]"),
                ("SELECT $1::int", "[1]", "[[1]]"), ("SELECT $1::text", "[1]", #"[["1"]]"#),
                ("SELECT $1::bool", "[true]", "[[true]]"), ("SELECT $1::text", "[true]", #"[["true"]]"#),
                ("SELECT $1::jsonb", #"["[1, 2]"]"#, "[[[1, 2]]]"), ("SELECT $1::int[]", "[[1,2]]", "[[[1,2]]]"),
                ("SELECT $1::jsonb", #"[{"a":[1]}]"#, #"[[{"a": [1]}]]"#),
            ]
            for (sql, params, rows) in cases {
                let answer = try await client.query(sql, "\"params\":\(params)")
                #expect(answer.origin == "miss", "\(sql) \(params)")
                let expected = try JSONValue(parsing: rows).jsonText
                #expect(answer.rows == expected, "\(sql) \(params)")
            }
            for (sql, params, _) in cases {
                #expect(try await client.query(sql, "\"params\":\(params)").origin == "memory", "\(sql) \(params)")
            }
        }
    }

    @Test("Row 5: a result has one encoding, whether it was prepared or not, and wherever it comes from")
    func oneEncoding() async throws {
        try await Site.open { site in
            try await Self.makeSamples(site)
            let (one, other) = try await site.pair()
            let sql = "SELECT * FROM samples"
            var bodies: [String] = []
            for answer in [
                try await one.query(sql), try await one.query(sql), try await other.query(sql),
                try await other.query(sql),
                try await one.query(sql, #""max_age_ms":0"#), try await one.query(sql, #""cache":false"#),
            ] {
                bodies.append([answer.json["columns"], answer.json["rows"]].map { $0?.jsonText ?? "?" }.joined())
            }
            #expect(Set(bodies).count == 1, "\(bodies)")
        }
    }

    @Test("Row 6: same statement, other case, spacing or comment shares the entry")
    func spelling() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS id, 'A'::text AS name")
            let client = try await site.client()
            #expect(try await client.query("SELECT name FROM items WHERE id = 1").origin == "miss")
            for sql in [
                "select NAME from ITEMS where ID=1", "SELECT name\n\tFROM items\nWHERE  id = 1 ;",
                "SELECT /* whose */ name FROM items -- all of them\n WHERE id = 1",
            ] {
                let answer = try await client.query(sql)
                #expect(answer.origin == "memory", "\(sql)")
                #expect(answer.rows == #"[["A"]]"#)
            }
        }
    }

    @Test("Row 7: quoted identifiers and string constants keep their case")
    func quoting() async throws {
        try await Site.open { site in
            try await site.database.execute(
                #"CREATE TABLE items AS SELECT 'lower'::text AS name, 'upper'::text AS "Name""#
            )
            let client = try await site.client()
            for (sql, rows) in [
                ("SELECT name FROM items", #"[["lower"]]"#), (#"SELECT "Name" FROM items"#, #"[["upper"]]"#),
                ("SELECT 'a  B' FROM items", #"[["a  B"]]"#), ("SELECT 'a  b' FROM items", #"[["a  b"]]"#),
                ("SELECT 'a b' FROM items", #"[["a b"]]"#), ("SELECT 'a -- b' FROM items", #"[["a -- b"]]"#),
                ("SELECT 'a /* c */b' FROM items", #"[["a /* c */b"]]"#),
            ] {
                let answer = try await client.query(sql)
                #expect(answer.origin == "miss", "\(sql)")
                #expect(answer.rows == rows, "\(sql)")
            }
        }
    }

    @Test("Row 8: $1 in one place, a constant in another")
    func constants() async throws {
        try await Site.open { site in
            let client = try await site.client()
            for (sql, params, rows) in [
                ("SELECT $1::int, 2", "[1]", "[[1,2]]"), ("SELECT 1, $1::int", "[2]", "[[1,2]]"),
                ("SELECT 1, $1::int", "[1]", "[[1,1]]"), ("SELECT $1::int, 1", "[2]", "[[2,1]]"),
                ("SELECT $1::int, $2::int", "[1,2]", "[[1,2]]"), ("SELECT $2::int, $1::int", "[1,2]", "[[2,1]]"),
                ("SELECT 1, 2", "[]", "[[1,2]]"), ("SELECT 2, 1", "[]", "[[2,1]]"),
            ] {
                let answer = try await client.query(sql, "\"params\":\(params)")
                #expect(answer.origin == "miss", "\(sql) \(params)")
                #expect(answer.rows == rows, "\(sql) \(params)")
            }
        }
    }

    @Test("Entries with other tags or namespaces are apart, so that a caller who names none does not revive them")
    func tagsAndNamespaces() async throws {
        try await Site.open { site in
            try await site.database.execute("CREATE TABLE items AS SELECT 1 AS id")
            let client = try await site.client()
            let requests = [[], [#""ns":"one""#], [#""tags":["a"]"#], [#""tags":["a","b"]"#], [#""tags":["ab"]"#]]
            for expected in ["miss", "memory"] {
                for members in requests {
                    let answer = try await client.ask(LineClient.request("SELECT id FROM items", members))
                    #expect(answer.origin == expected, "\(members)")
                }
            }
            #expect(try await client.query("SELECT id FROM items", #""tags":["b","a","b"]"#).origin == "memory")
        }
    }

    @Test("Row 3: settings of a role that are rarely set, by which the same text answers something else")
    func rareSettings() async throws {
        try await Site.open { site in
            try await site.database.execute(
                "CREATE TABLE texts AS SELECT 'the cats'::text AS t, 3.5::numeric::money AS price, NULL::text AS missing"
            )
            let statements = [
                "SELECT t @@ 'cat'::text FROM texts", "SELECT price FROM texts", "SELECT missing = NULL FROM texts",
            ]
            let settings = [
                ["default_text_search_config": "english", "lc_monetary": "C", "transform_null_equals": "off"],
                ["default_text_search_config": "simple", "lc_monetary": "C.UTF-8", "transform_null_equals": "on"],
            ]
            let url = site.postgresURL
            var answers: [[String]] = []
            for values in settings {
                let options = values.map { "-c \($0.key)=\($0.value)" }.joined(separator: " ")
                let own = url.replacing("options='", with: "options='\(options) ")
                let client = try await site.client(["DATABASE_URL": own])
                var rows: [String] = []
                for sql in statements {
                    let answer = try await client.query(sql)
                    #expect(answer.cache == "miss", "\(sql): \(answer)")
                    let truth = try await client.query(sql, #""cache":false"#)
                    #expect(answer.rows == truth.rows, "\(sql)")
                    rows.append(answer.rows)
                }
                answers.append(rows)
            }
            #expect(answers[0][0] == "[[true]]" && answers[1][0] == "[[false]]", "\(answers)")
            #expect(answers[0][2] == "[[null]]" && answers[1][2] == "[[true]]", "\(answers)")
        }
    }
}
