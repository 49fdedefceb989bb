import PostgresClient
import SQLAnalysis
import Testing

/// Rows of the list of what query caches get wrong, as far as they are decided by what the server is asked.
@Suite("Facts", .enabled(if: CatalogFixture.url != nil))
struct FactsTests {
    @Test("row 1: a name is what it is under the search path")
    func searchPath() async throws {
        try await CatalogFixture.with(["CREATE TABLE t (a int)"]) { fixture async throws in
            #expect(try await fixture.facts("SELECT * FROM t").tables == ["\(fixture.schema).t"])
            let other = try? await fixture.facts("SELECT * FROM t", path: "pg_catalog")
            #expect(other == nil)
        }
    }

    @Test("rows 9 and 11: functions whose answer moves are named")
    func movingFunctions() async throws {
        try await CatalogFixture.with { fixture async throws in
            let reasons = [
                "SELECT now()": "time_dependent:now",
                "SELECT transaction_timestamp()": "time_dependent:transaction_timestamp",
                "SELECT clock_timestamp()": "volatile_function:clock_timestamp",
                "SELECT CURRENT_DATE": "time_dependent:current_date",
                "SELECT random()": "volatile_function:random",
                "SELECT current_setting('x')": "stable_function:current_setting",
                "SELECT current_user": "stable_function:current_user",
                "SELECT txid_current()": "stable_function:txid_current",
                "SELECT pg_backend_pid()": "stable_function:pg_backend_pid",
                "SELECT version()": "stable_function:version",
                "SELECT pg_catalog.\"version\"()": "stable_function:version",
                "SELECT age('2020-01-01'::timestamp)": "stable_function:age",
                "SELECT to_char(1, '9')": "stable_function:to_char",
                "SELECT gen_random_uuid()": "volatile_function:gen_random_uuid",
                "SELECT set_config('a.b', 'c', false)": "volatile_function:set_config",
                "SELECT * FROM generate_series(1, 2) WHERE random() > 0.5": "volatile_function:random",
                "SELECT to_tsvector('a')": "stable_function:to_tsvector",
                "SELECT json_to_record('{}') ": "stable_function:json_to_record",
            ]
            for (sql, reason) in reasons { #expect(try await fixture.reason(sql) == reason, "\(sql)") }
        }
    }

    @Test("a sequence's nextval is volatile")
    func sequences() async throws {
        try await CatalogFixture.with(["CREATE SEQUENCE s"]) { fixture async throws in
            #expect(try await fixture.reason("SELECT nextval('s')") == "volatile_function:nextval")
            #expect(try await fixture.reason("SELECT last_value FROM s") == "system_catalog:s")
        }
    }

    @Test("STABLE functions that only depend on what is in the key may be cached")
    func settingDependentFunctions() async throws {
        let setup = [
            """
            CREATE TABLE t (id int, name text, at timestamptz, plain timestamp, day date, doc jsonb, tags text[],
                words tsvector)
            """
        ]
        try await CatalogFixture.with(setup) { fixture async throws in
            let texts = [
                "SELECT * FROM t WHERE id = $1", "SELECT count(*), max(at), string_agg(name, ',') FROM t",
                "SELECT concat(name, at), format('%s', at), concat_ws(',', id, at) FROM t",
                "SELECT to_json(t), row_to_json(t), jsonb_build_object('a', at), json_agg(t) FROM t GROUP BY t, at",
                "SELECT date_trunc('day', at), extract(year FROM at), date_part('month', at) FROM t",
                "SELECT at AT TIME ZONE 'UTC', plain AT TIME ZONE 'UTC' FROM t",
                "SELECT at + interval '1 day', at - $1::interval, day + 1 FROM t WHERE at < plain AND day >= at",
                "SELECT name || id, array_to_string(tags, ','), upper(name), coalesce(name, 'x'), length(name) FROM t",
                "SELECT age(at, plain), quote_literal(id), lower(name), substring(name FROM 1 FOR 2) FROM t",
                "SELECT row_number() OVER (ORDER BY at), lag(at) OVER (), rank() OVER (ORDER BY id) FROM t",
                "SELECT doc->>'a', doc @> '{\"a\": 1}', jsonb_array_length(doc) FROM t WHERE doc ? 'a'",
                "SELECT to_tsvector('english', name) @@ to_tsquery('english', 'a'), words @@ $1::tsquery FROM t",
                "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY id), array_agg(name ORDER BY id) FROM t",
                "SELECT * FROM t WHERE name LIKE 'a%' AND name ILIKE $1 AND name ~ 'x' AND id BETWEEN 1 AND 2",
                "SELECT trim(name), position('a' IN name), overlay(name PLACING 'b' FROM 1), name COLLATE \"C\" FROM t",
                "SELECT (at, at) OVERLAPS (plain, plain), greatest(id, 1), nullif(id, 2), round(id::numeric, 2) FROM t",
                "SELECT * FROM generate_series(1, 3) AS n, LATERAL (SELECT * FROM t WHERE id = n LIMIT 1) AS x",
                "SELECT md5(name), encode(sha256(name::bytea), 'hex'), regexp_replace(name, 'a', 'b') FROM t",
                "SELECT unnest(tags), tags && ARRAY['a'], 'a' = ANY (tags), cardinality(tags) FROM t",
            ]
            for sql in texts { #expect(try await fixture.reason(sql) == nil, "\(sql)") }
        }
    }

    @Test("a name that an extension gives a second meaning may still be cached")
    func extensions() async throws {
        try await CatalogFixture.with(["CREATE EXTENSION pg_trgm", "CREATE TABLE t (a int)"]) { fixture async throws in
            #expect(try await fixture.reason("SELECT a % 2 FROM t") == nil)
            #expect(try await fixture.reason("SELECT show_limit()") == "stable_function:show_limit")
        }
    }

    @Test("row 10: a text that is converted at run time may hold a moving moment, a timestamp may not")
    func conversions() async throws {
        let setup = [
            """
            CREATE TABLE t (id int, name text, at timestamptz, plain timestamp, day date, doc jsonb, parts text[],
                m timestamp[])
            """,
            "CREATE TABLE u (at text)",
            "CREATE TABLE u2 (value date, column1 date)",
            "CREATE FUNCTION rows() RETURNS SETOF u LANGUAGE internal IMMUTABLE AS 'int4abs'",
            "CREATE DOMAIN moment AS timestamptz",
            "CREATE TYPE pair AS (a int, b date)",
            "CREATE FUNCTION stamp(int) RETURNS timestamptz LANGUAGE internal IMMUTABLE AS 'int4abs'",
            "CREATE FUNCTION words(int) RETURNS text LANGUAGE internal IMMUTABLE AS 'int4abs'",
        ]
        try await CatalogFixture.with(setup) { fixture async throws in
            let still = [
                "SELECT at::date, plain::date, day::timestamptz FROM t", "SELECT CAST(max(at) AS date) FROM t",
                "SELECT coalesce(at, plain)::date, date(at), (at - interval '1 day')::date FROM t",
                "SELECT date_trunc('day', at)::date, $1::date, $1::text::date, '2020-01-01'::date FROM t",
                "SELECT id FROM t WHERE at::date = day GROUP BY id, at::date ORDER BY at::date",
                "SELECT m[1]::date, m::date[], CASE WHEN id = 1 THEN at ELSE plain END::date FROM t",
                "SELECT x.at::date FROM (SELECT at FROM t) AS x", "SELECT at::text, id::text, name::int FROM t",
                "SELECT max(at) AS at FROM t GROUP BY at::date", "SELECT stamp(id)::date FROM t",
                "SELECT (SELECT max(at) FROM t)::date", "SELECT $1::timestamptz::date", "SELECT name::interval FROM t",
                "SELECT at::date, at::moment FROM t WHERE at > $1::moment",
            ]
            for sql in still { #expect(try await fixture.reason(sql) == nil, "\(sql)") }
            let moving = [
                "SELECT name::date FROM t": "date", "SELECT (doc->>'at')::timestamptz FROM t": "timestamptz",
                "SELECT date(name) FROM t": "date", "SELECT u.at::date FROM u": "date",
                "SELECT t.at::date FROM t, u": "date", "SELECT ('to' || 'day')::date": "date",
                "SELECT x.at::date FROM (SELECT name AS at FROM t) AS x": "date",
                "SELECT x.at::date FROM (SELECT at::text FROM t) AS x": "date",
                "SELECT x.at::date FROM (SELECT name FROM t) AS x(at)": "date",
                "WITH x(at) AS (SELECT name FROM t) SELECT at::date FROM x": "date",
                "SELECT at::date FROM regexp_split_to_table('a,b', ',') AS at, (SELECT id FROM t) AS t": "date",
                "SELECT parts[1]::date FROM t": "date", "SELECT parts::date[] FROM t": "date",
                "SELECT name::moment FROM t": "moment", "SELECT lower(name)::date FROM t": "date",
                "SELECT name::daterange FROM t": "daterange", "SELECT name::pair FROM t": "pair",
                "SELECT min(name)::date FROM t": "date", "SELECT words(id)::date FROM t": "date",
                "SELECT CAST(name AS timestamp(0) with time zone) FROM t": "timestamptz",
                "SELECT plain::time::timetz FROM t": "timetz",
                "SELECT x.value::date FROM t, u2, jsonb_each_text(doc) AS x": "date",
                "SELECT x.at::date FROM t, rows() AS x": "date",
                "SELECT v.column1::date FROM u2, (VALUES ('no' || 'w')) AS v": "date",
            ]
            for (sql, type) in moving {
                #expect(try await fixture.reason(sql) == "time_dependent:\(type)", "\(sql)")
            }
        }
    }

    @Test("row 11: a function in a view counts as one in the text")
    func viewFunctions() async throws {
        let setup = [
            "CREATE TABLE t (a int, at timestamptz, name text)",
            "CREATE VIEW inner_view AS SELECT a, random() AS r FROM t",
            "CREATE VIEW outer_view AS SELECT a FROM inner_view",
            "CREATE VIEW clock AS SELECT a FROM t WHERE at < now()", "CREATE VIEW today AS SELECT CURRENT_DATE AS d",
            "CREATE VIEW me AS SELECT CURRENT_USER AS u", "CREATE VIEW part AS SELECT a FROM t TABLESAMPLE system (50)",
            "CREATE VIEW versions AS SELECT xmin FROM t", "CREATE VIEW locked AS SELECT a FROM t FOR UPDATE",
            "CREATE VIEW read AS SELECT name::date AS d FROM t",
            "CREATE VIEW of_role AS SELECT current_setting('a.b') AS s",
            "CREATE VIEW plain AS SELECT date_trunc('day', at) AS d, count(*), at::date FROM t GROUP BY at",
            "CREATE VIEW sub AS SELECT a FROM t WHERE a > (SELECT random())",
        ]
        try await CatalogFixture.with(setup) { fixture async throws in
            let reasons = [
                "outer_view": "volatile_function:random", "clock": "time_dependent:now",
                "today": "time_dependent:current_date", "me": "stable_function:current_user",
                "part": "volatile_function:tablesample", "versions": "system_column:xmin", "locked": "locking_clause",
                "read": "time_dependent:date", "of_role": "stable_function:current_setting",
                "sub": "volatile_function:random",
            ]
            for (view, reason) in reasons {
                #expect(try await fixture.reason("SELECT * FROM \(view)") == reason, "\(view)")
            }
            #expect(try await fixture.reason("SELECT * FROM plain") == nil)
            #expect(try await fixture.tables("SELECT * FROM plain") == ["t"])
        }
    }

    @Test("rows 12, 13, 14: locks, samples, catalogs and system columns")
    func locksSamplesCatalogs() async throws {
        let setup = [
            "CREATE TABLE t (a int)", "CREATE VIEW names AS SELECT relname FROM pg_class",
            "CREATE TABLE kinds (k regclass)",
        ]
        try await CatalogFixture.with(setup) { fixture async throws in
            let reasons = [
                "SELECT * FROM t FOR UPDATE": "locking_clause",
                "SELECT * FROM t TABLESAMPLE bernoulli (1)": "volatile_function:tablesample",
                "SELECT * FROM pg_class": "system_catalog:pg_class",
                "SELECT * FROM pg_catalog.pg_tables": "system_catalog:pg_tables",
                "SELECT * FROM information_schema.tables": "system_catalog:tables",
                "SELECT * FROM pg_database": "system_catalog:pg_database",
                "SELECT * FROM t WHERE EXISTS (SELECT FROM pg_roles)": "system_catalog:pg_roles",
                "SELECT * FROM names": "system_catalog:pg_class",
                "SELECT xmin FROM t": "system_column:xmin",
                "SELECT 't'::regclass": "system_catalog:regclass",
                "SELECT * FROM kinds": "system_catalog:regclass",
            ]
            for (sql, reason) in reasons { #expect(try await fixture.reason(sql) == reason, "\(sql)") }
            let named = "WITH pg_class AS (SELECT * FROM t) SELECT * FROM pg_class"
            #expect(try await fixture.reason(named) == nil)
            #expect(try await fixture.tables(named) == ["t"])
        }
    }

    @Test("row 15: a table with row security, through a view too")
    func rowSecurity() async throws {
        let setup = [
            "CREATE TABLE t (a int)", "ALTER TABLE t ENABLE ROW LEVEL SECURITY", "CREATE VIEW v AS SELECT * FROM t",
        ]
        try await CatalogFixture.with(setup) { fixture async throws in
            #expect(try await fixture.reason("SELECT * FROM t") == "row_security:t")
            #expect(try await fixture.reason("SELECT * FROM v") == "row_security:t")
        }
    }

    @Test("row 16: a temporary table, also one that hides a table")
    func temporaryTables() async throws {
        try await CatalogFixture.with(["CREATE TABLE t (a int)"]) { fixture async throws in
            let shape = await SQLAnalyzer().shape(of: "SELECT * FROM t")
            let source = PreparedCatalogSource(
                source: PoolCatalogSource(pool: fixture.pool),
                before: [CatalogStatement(sql: "CREATE TEMP TABLE t (a int)")]
            )
            let facts = try await SQLAnalyzer().facts(
                for: shape,
                settings: [("search_path", fixture.schema)],
                from: source
            )
            #expect(facts.cacheability.reason == "temporary_table:t")
            #expect(try await fixture.reason("SELECT * FROM t") == nil)
        }
    }

    @Test("row 17: a foreign table, and one that is a partition or a child")
    func foreignTables() async throws {
        let setup = [
            "CREATE FOREIGN DATA WRAPPER w", "CREATE SERVER s FOREIGN DATA WRAPPER w",
            "CREATE FOREIGN TABLE f (a int) SERVER s", "CREATE TABLE parts (a int) PARTITION BY LIST (a)",
            "CREATE FOREIGN TABLE p1 PARTITION OF parts FOR VALUES IN (1) SERVER s", "CREATE TABLE base (a int)",
            "CREATE FOREIGN TABLE child () INHERITS (base) SERVER s",
        ]
        try await CatalogFixture.with(setup) { fixture async throws in
            #expect(try await fixture.reason("SELECT * FROM f") == "foreign_table:f")
            #expect(try await fixture.reason("SELECT * FROM parts") == "foreign_table:p1")
            #expect(try await fixture.reason("SELECT * FROM base") == "foreign_table:child")
            try await fixture.run(["DROP FOREIGN DATA WRAPPER w CASCADE"])
        }
    }

    @Test("row 18: EXPLAIN and SHOW are not asked about")
    func unsupported() async throws {
        try await CatalogFixture.with { fixture async throws in
            #expect(try await fixture.reason("EXPLAIN SELECT 1") == "unsupported_statement:EXPLAIN")
            #expect(try await fixture.reason("SHOW search_path") == "unsupported_statement:SHOW")
        }
    }

    @Test("row 20: a function declared IMMUTABLE may read what no lock shows")
    func opaqueFunctions() async throws {
        let body = "AS 'SELECT a FROM t LIMIT 1'"
        let setup = [
            "CREATE TABLE t (a int)", "CREATE FUNCTION f() RETURNS int LANGUAGE sql IMMUTABLE \(body)",
            "CREATE FUNCTION g() RETURNS int LANGUAGE sql STABLE \(body)",
            "CREATE FUNCTION h() RETURNS int LANGUAGE sql \(body)",
            "CREATE FUNCTION full_name(t) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT $1.a::text'",
            "CREATE VIEW v AS SELECT f() AS a",
            "CREATE FUNCTION plus(int, int) RETURNS int LANGUAGE sql IMMUTABLE \(body)",
            "CREATE OPERATOR ~+~ (LEFTARG = int, RIGHTARG = int, FUNCTION = plus)",
            "CREATE AGGREGATE total(int) (SFUNC = plus, STYPE = int)",
            "CREATE FUNCTION over(int) RETURNS int LANGUAGE sql IMMUTABLE \(body)",
            "CREATE FUNCTION over(int, int) RETURNS int LANGUAGE sql VOLATILE \(body)",
            "CREATE FUNCTION checked(int) RETURNS bool LANGUAGE sql VOLATILE AS 'SELECT true'",
            "CREATE DOMAIN small AS int CHECK (checked(VALUE))",
        ]
        try await CatalogFixture.with(setup) { fixture async throws in
            for sql in ["SELECT f()", "SELECT * FROM v", "SELECT 1 ~+~ 2", "SELECT total(a) FROM t", "SELECT over(1)"] {
                let facts = try await fixture.facts(sql)
                #expect(facts.readsUnknown, "\(sql)")
                #expect(facts.cacheability == .cacheable, "\(sql)")
            }
            let reasons = [
                "SELECT g()": "stable_function:g", "SELECT h()": "volatile_function:h",
                "SELECT over(1, 2)": "volatile_function:over",
                "SELECT t.full_name FROM t": "volatile_function:full_name",
                "SELECT (t).full_name FROM t": "volatile_function:full_name",
                "SELECT \(fixture.schema).h()": "volatile_function:h",
                "SELECT a::small FROM t": "volatile_function:checked",
            ]
            for (sql, reason) in reasons { #expect(try await fixture.reason(sql) == reason, "\(sql)") }
            #expect(try await !fixture.facts("SELECT a + 1, lower('a') FROM t").readsUnknown)
        }
    }
}

/// Does something first in the transaction in which the questions are put.
struct PreparedCatalogSource: CatalogSource {
    let source: PoolCatalogSource
    let before: [CatalogStatement]

    func rows(
        of statements: [CatalogStatement],
        settings: [(name: String, value: String)]
    ) async throws -> [[[String?]]] {
        // What came before must not hold locks of its own that the questions take for the statement's: `t` is created
        // by them, so its lock is there either way.
        Array(try await source.rows(of: before + statements, settings: settings).dropFirst(before.count))
    }
}
