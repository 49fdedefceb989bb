import SQLAnalysis
import Testing

@Suite("Kinds of statements")
struct StatementKindTests {
    private let analyzer = SQLAnalyzer()

    @Test(
        "reads",
        arguments: [
            "SELECT 1", "TABLE products", "VALUES (1), (2)", "WITH x AS (SELECT 1) SELECT * FROM x",
            "SELECT * FROM a UNION SELECT * FROM b", "(SELECT 1)", "SHOW search_path", "EXPLAIN SELECT 1",
            "EXPLAIN DELETE FROM t", "EXPLAIN (ANALYZE false) DELETE FROM t", "EXPLAIN (ANALYZE off) DELETE FROM t",
            "EXPLAIN (ANALYZE 0) DELETE FROM t", "EXPLAIN ANALYZE SELECT 1", "SELECT * FROM t FOR UPDATE",
        ]
    )
    func reads(sql: String) async {
        #expect(await analyzer.shape(of: sql).kind == .read)
    }

    @Test(
        "rows 18, 21 to 25: writes",
        arguments: [
            "INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t", "TRUNCATE t",
            "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE", "SELECT 1 INTO t",
            "SELECT 1 INTO t UNION SELECT 2", "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
            "SELECT * FROM (WITH d AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM d) AS x",
            "CALL p()", "DO 'BEGIN END'", "CREATE TABLE t (a int)", "CREATE TABLE t AS SELECT 1",
            "ALTER TABLE t ADD b int",
            "DROP TABLE t", "GRANT SELECT ON t TO x", "REVOKE ALL ON t FROM x", "REFRESH MATERIALIZED VIEW m",
            "NOTIFY c, 'x'", "COPY t FROM '/tmp/x'", "COPY t TO PROGRAM 'cat'", "COPY (SELECT 1) TO '/tmp/x'",
            "VACUUM t",
            "ANALYZE t", "EXPLAIN ANALYZE DELETE FROM t", "EXPLAIN (ANALYZE) INSERT INTO t VALUES (1)",
            "EXPLAIN (ANALYZE true) UPDATE t SET a = 1", "EXPLAIN (COSTS off, ANALYZE 1) DELETE FROM t",
            "EXPLAIN ANALYZE WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
            "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1", "EXPLAIN ANALYZE SELECT 1 INTO t",
            "EXPLAIN ANALYZE EXECUTE p",
            "CREATE INDEX ON t (a)", "COMMENT ON TABLE t IS 'x'", "IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c",
        ]
    )
    func writes(sql: String) async {
        #expect(await analyzer.shape(of: sql).kind == .write)
    }

    /// Statement, name, and whether a transaction of one request may hold it.
    @Test(
        "what only makes sense in a session is refused by name",
        arguments: [
            ("SET a.b = 1", "SET", false), ("SET SESSION x TO 1", "SET", false), ("SET ROLE x", "SET", false),
            ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET", false),
            ("SET TIME ZONE 'UTC'", "SET", false),
            ("SET LOCAL work_mem = '1MB'", "SET LOCAL", true),
            ("SET CONSTRAINTS ALL DEFERRED", "SET CONSTRAINTS", true),
            ("SET TRANSACTION READ ONLY", "SET TRANSACTION", true), ("RESET x", "RESET", false),
            ("RESET ALL", "RESET", false), ("BEGIN", "BEGIN", false),
            ("START TRANSACTION READ ONLY", "START TRANSACTION", false), ("COMMIT", "COMMIT", false),
            ("END", "COMMIT", false), ("ROLLBACK", "ROLLBACK", false), ("ABORT", "ROLLBACK", false),
            ("SAVEPOINT a", "SAVEPOINT", true), ("RELEASE a", "RELEASE", true), ("ROLLBACK TO a", "ROLLBACK TO", true),
            ("PREPARE TRANSACTION 'x'", "PREPARE TRANSACTION", false),
            ("COMMIT PREPARED 'x'", "COMMIT PREPARED", false),
            ("PREPARE a AS SELECT 1", "PREPARE", true), ("EXECUTE a", "EXECUTE", true),
            ("DEALLOCATE a", "DEALLOCATE", true), ("DECLARE c CURSOR FOR SELECT 1", "DECLARE", true),
            ("FETCH 1 FROM c", "FETCH", true), ("MOVE 1 FROM c", "MOVE", true), ("CLOSE c", "CLOSE", true),
            ("LISTEN c", "LISTEN", false), ("UNLISTEN *", "UNLISTEN", false), ("DISCARD ALL", "DISCARD", false),
            ("LOCK TABLE t", "LOCK TABLE", true), ("COPY t FROM STDIN", "COPY FROM STDIN", false),
            ("COPY t TO STDOUT", "COPY TO STDOUT", false), ("COPY (SELECT 1) TO STDOUT", "COPY TO STDOUT", false),
            ("CREATE TEMP TABLE t (a int)", "CREATE TEMP TABLE", true),
            ("CREATE TEMPORARY TABLE t AS SELECT 1", "CREATE TEMP TABLE", true),
            ("CREATE TABLE pg_temp.t (a int)", "CREATE TEMP TABLE", true),
            ("CREATE TEMP VIEW v AS SELECT 1", "CREATE TEMP VIEW", true),
            ("CREATE TEMP SEQUENCE s", "CREATE TEMP SEQUENCE", true),
            ("SELECT 1 INTO TEMP t", "SELECT INTO TEMP", true),
        ]
    )
    func refused(sql: String, name: String, isAllowedInTransaction: Bool) async {
        let shape = await analyzer.shape(of: sql)
        guard case .refused(let refused, let advice) = shape.kind else {
            Issue.record("\(sql) is \(shape.kind)")
            return
        }
        #expect(refused == name)
        #expect(!advice.isEmpty)
        #expect(shape.isAllowedInTransaction == isAllowedInTransaction)
    }

    @Test("none, many, and what the grammar does not know")
    func others() async {
        for sql in ["", "  ", ";", "-- nothing", "/* nothing */ ;"] {
            #expect(await analyzer.shape(of: sql).kind == .empty, "\(sql)")
        }
        for sql in ["SELECT 1; SELECT 2", "SELECT 1;; DELETE FROM t;"] {
            #expect(await analyzer.shape(of: sql).kind == .multiple, "\(sql)")
        }
        for sql in [
            "SELEKT 1", "SELECT 'open", "SELECT (", "SELECT \u{0}1", "SELECT 1\u{0}; DROP TABLE t", "BEGINNING",
        ] {
            let shape = await analyzer.shape(of: sql)
            #expect(shape.kind == .unparsed, "\(sql)")
            #expect(shape.changesSchema)
            #expect(shape.canonicalText == sql)
        }
    }

    @Test("row 29: what begins like a session's statement is refused though the grammar does not know the rest")
    func refusedByWord() async {
        let texts = [
            "SET SOMETHING NEW", "BEGIN ISOLATION FANCY", "COPY t FROM STDIN NEW STYLE", "/* x */ LISTEN",
            "CREATE LOCAL TEMP GRAPH g",
        ]
        for sql in texts {
            guard case .refused = await analyzer.shape(of: sql).kind else {
                Issue.record("\(sql) is not refused")
                continue
            }
        }
        #expect(await analyzer.shape(of: "COPY t FROM '/file' NEW STYLE").kind == .unparsed)
    }

    @Test("what may change definitions is told from what changes rows")
    func changesSchema() async {
        let definitions = [
            "CREATE TABLE t (a int)", "ALTER TABLE t ADD b int", "DROP VIEW v", "GRANT SELECT ON t TO x",
            "REVOKE ALL ON t FROM x", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CALL p()",
            "DO 'BEGIN CREATE TABLE t (a int); END'", "DO 'BEGIN EXECUTE x; END'", "SELECT 1 INTO t",
            "CREATE TABLE t AS SELECT 1", "ALTER ROLE x SET search_path = y", "ALTER SYSTEM SET a.b = 1",
            "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1", "CREATE POLICY p ON t", "SECURITY LABEL ON TABLE t IS 'x'",
        ]
        for sql in definitions { #expect(await analyzer.shape(of: sql).changesSchema, "\(sql)") }
        let rows = [
            "SELECT 1", "INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t", "TRUNCATE t", "NOTIFY c",
            "COPY t FROM '/file'", "REFRESH MATERIALIZED VIEW m", "VACUUM", "ANALYZE", "REINDEX TABLE t",
            "DO 'BEGIN UPDATE t SET created = 1; END'", "WITH d AS (DELETE FROM t RETURNING 1) SELECT * FROM d",
            "EXPLAIN ANALYZE DELETE FROM t",
        ]
        for sql in rows { #expect(await !analyzer.shape(of: sql).changesSchema, "\(sql)") }
    }

    @Test("what PostgreSQL runs only outside a transaction is known")
    func runsAlone() async {
        let alone = [
            "VACUUM", "VACUUM t", "CREATE DATABASE d", "DROP DATABASE d", "CREATE INDEX CONCURRENTLY ON t (a)",
            "DROP INDEX CONCURRENTLY i", "ALTER SYSTEM SET x = 1", "REINDEX TABLE CONCURRENTLY t",
            "REINDEX (CONCURRENTLY) TABLE t", "REINDEX DATABASE d", "REINDEX SCHEMA s",
            "CREATE TABLESPACE s LOCATION '/x'",
            "DROP TABLESPACE s", "CLUSTER", "ALTER DATABASE d SET TABLESPACE s",
            "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
            "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", "DROP SUBSCRIPTION s",
        ]
        for sql in alone { #expect(await !analyzer.shape(of: sql).canRunInTransaction, "\(sql)") }
        let inside = [
            "SELECT 1", "ANALYZE t", "CREATE INDEX ON t (a)", "DROP INDEX i", "REINDEX TABLE t", "CLUSTER t",
            "ALTER TABLE t DETACH PARTITION p", "REFRESH MATERIALIZED VIEW CONCURRENTLY m", "TRUNCATE t",
            "REINDEX (CONCURRENTLY false) TABLE t",
        ]
        for sql in inside { #expect(await analyzer.shape(of: sql).canRunInTransaction, "\(sql)") }
    }
}
