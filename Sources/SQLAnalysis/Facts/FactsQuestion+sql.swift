extension FactsQuestion {
    // Literals have no backslashes, so that they mean the same whatever `standard_conforming_strings` is.

    static let noteLocks = """
        SELECT
            pg_catalog.set_config('cistern.relations',
                COALESCE(pg_catalog.array_agg(DISTINCT l.relation)::text, '{}'), true),
            pg_catalog.set_config('cistern.locks',
                COALESCE(pg_catalog.bool_or(l.mode <> 'AccessShareLock')::text, 'false'), true),
            pg_catalog.set_config('cistern.schemas', pg_catalog.current_schemas(true)::text, true)
        FROM pg_catalog.pg_lock_status() AS l
        WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation'
        """

    /// The planner overrates what the functions in FROM answer, and would spend a quarter of a second on compiling.
    static let useCatalogs = """
        SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),
            pg_catalog.set_config('jit', 'off', true)
        """

    /// A partition is read through its root; what else can be said of a partition (that it is a foreign table) counts
    /// for the root. A column of type `timetz` makes AT TIME ZONE depend on the day; one of a type like `regclass` is
    /// shown by a name that the catalogs hold.
    static let relations = """
        WITH RECURSIVE read(oid) AS (
            SELECT unnest(current_setting('cistern.relations')::oid[])
            UNION
            SELECT i.inhrelid FROM read JOIN pg_inherits AS i ON i.inhparent = read.oid
        ), found AS (
            SELECT c.*, n.nspname FROM read JOIN pg_class AS c ON c.oid = read.oid
            JOIN pg_namespace AS n ON n.oid = c.relnamespace
        ), typed AS (
            SELECT DISTINCT t.oid, t.typname, t.typelem FROM read
            JOIN pg_attribute AS a ON a.attrelid = read.oid AND a.attnum > 0 AND NOT a.attisdropped
            JOIN pg_type AS t ON t.oid = a.atttypid
        )
        SELECT f.kind, f.name FROM (
            SELECT 'temporary_table' AS kind, relname::text AS name, relkind FROM found WHERE relpersistence = 't'
            UNION ALL
            SELECT 'system_catalog', relname::text, relkind FROM found
            WHERE nspname IN ('pg_catalog', 'information_schema', 'pg_toast')
                OR relkind NOT IN ('r', 'p', 'm', 'v', 'f')
            UNION ALL
            SELECT 'foreign_table', relname::text, relkind FROM found WHERE relkind = 'f'
            UNION ALL
            SELECT 'row_security', relname::text, relkind FROM found WHERE relrowsecurity
            UNION ALL
            SELECT 'table', n.nspname || '.' || r.relname, r.relkind FROM found AS k
            JOIN pg_class AS r
                ON r.oid = CASE WHEN k.relispartition THEN pg_partition_root(k.oid)::oid ELSE k.oid END
            JOIN pg_namespace AS n ON n.oid = r.relnamespace
            WHERE k.relkind IN ('r', 'p', 'm', 'f')
            UNION ALL
            SELECT 'locking_clause', '', 'r' WHERE current_setting('cistern.locks') = 'true'
            UNION ALL
            SELECT 'time_dependent', 'timetz', 'r' FROM typed WHERE 1266 IN (oid, typelem)
            UNION ALL
            SELECT 'system_catalog', typname::text, 'r' FROM typed
            WHERE oid < 16384 AND typname ~ '^_?reg'
        ) AS f
        ORDER BY f.relkind = 'v' DESC, f.name
        """

    /// Schemas in which a name is looked for, and types with what they are made of: the type under a domain, the
    /// element of an array, the bounds of a range. Wants the types as its parameter `$n`.
    private static func namesAndTypes(_ types: String) -> String {
        """
        schemas(name) AS (
            SELECT unnest(current_setting('cistern.schemas')::name[])
        ), types(conversion, oid) AS (
            SELECT w.conversion, t.oid
            FROM jsonb_to_recordset(\(types)::jsonb) AS w(schema text, name text, conversion int)
            JOIN pg_type AS t ON t.typname = w.name::name
            JOIN pg_namespace AS s ON s.oid = t.typnamespace
            WHERE CASE WHEN w.schema IS NULL THEN s.nspname IN (SELECT name FROM schemas) ELSE s.nspname = w.schema END
            UNION
            SELECT y.conversion, part.oid FROM types AS y JOIN pg_type AS t ON t.oid = y.oid
            CROSS JOIN LATERAL (
                SELECT t.typbasetype UNION ALL
                SELECT t.typelem WHERE t.typcategory = 'A' UNION ALL
                SELECT r.rngsubtype FROM pg_range AS r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
            ) AS part(oid)
            WHERE part.oid <> 0
        )
        """
    }

    /// A function's overloads that take another number of arguments than the text gives are not meant. An aggregate of
    /// a user's is as its parts are. In a view's rule the numbers stand in the text of the tree.
    static let functions = """
        WITH RECURSIVE \(namesAndTypes("$4")),
        trees AS (
            SELECT r.ev_action::text AS tree FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class
            WHERE c.oid = ANY (current_setting('cistern.relations')::oid[]) AND c.relkind = 'v' AND r.ev_type = '1'
        ), called(oid) AS (
            SELECT p.oid FROM jsonb_to_recordset($1::jsonb) AS w(schema text, name text, arity int)
            JOIN pg_proc AS p ON p.proname = w.name::name
            JOIN pg_namespace AS s ON s.oid = p.pronamespace
            WHERE CASE WHEN w.schema IS NULL THEN s.nspname IN (SELECT name FROM schemas) ELSE s.nspname = w.schema END
                AND (w.arity IS NULL OR (w.arity >= p.pronargs - p.pronargdefaults - (p.provariadic <> 0)::int
                    AND (w.arity <= p.pronargs OR p.provariadic <> 0)))
            UNION
            SELECT p.oid FROM jsonb_array_elements_text($2::jsonb) AS w(name)
            JOIN pg_proc AS p ON p.proname = w.name::name AND p.pronargs >= 1 AND p.pronargs - p.pronargdefaults <= 1
            JOIN pg_type AS t ON t.oid = p.proargtypes[0] AND t.typtype IN ('c', 'p', 'd')
            JOIN pg_namespace AS s ON s.oid = p.pronamespace AND s.nspname IN (SELECT name FROM schemas)
            UNION
            SELECT o.oprcode FROM jsonb_to_recordset($3::jsonb) AS w(schema text, name text)
            JOIN pg_operator AS o ON o.oprname = w.name::name
            JOIN pg_namespace AS s ON s.oid = o.oprnamespace
            WHERE CASE WHEN w.schema IS NULL THEN s.nspname IN (SELECT name FROM schemas) ELSE s.nspname = w.schema END
            UNION
            SELECT c.castfunc FROM pg_cast AS c
            WHERE c.castfunc >= 16384 AND (c.castcontext = 'i' OR c.casttarget IN (SELECT oid FROM types))
            UNION
            SELECT m[1]::oid FROM types JOIN pg_constraint AS k ON k.contypid = types.oid
            CROSS JOIN regexp_matches(k.conbin::text, ':(?:funcid|opfuncid) ([0-9]+)', 'g') AS m
            UNION
            SELECT m[1]::oid FROM trees CROSS JOIN regexp_matches(
                tree, ':(?:funcid|opfuncid|hashfuncid|aggfnoid|winfnoid) ([0-9]+)', 'g') AS m
        ), reached(oid) AS (
            SELECT oid FROM called
            UNION
            SELECT part.oid FROM called JOIN pg_aggregate AS a ON a.aggfnoid = called.oid
            CROSS JOIN LATERAL (VALUES (a.aggtransfn::oid), (a.aggfinalfn::oid), (a.aggcombinefn::oid),
                (a.aggmtransfn::oid), (a.aggminvtransfn::oid), (a.aggmfinalfn::oid)) AS part(oid)
            WHERE called.oid >= 16384
        ), judged AS (
            SELECT p.proname::text AS name, CASE
                WHEN p.provolatile = 'v' THEN 'volatile_function'
                WHEN p.provolatile = 's' AND COALESCE(CASE
                        WHEN p.prolang = 13 THEN p.probin || ' ' || p.prosrc
                        WHEN p.oid >= 16384 THEN NULL
                        WHEN p.prokind = 'a' THEN 'aggregate ' || p.proname
                        WHEN p.prolang = 12 THEN p.prosrc
                        ELSE 'sql ' || p.proname
                    END, '') NOT IN (SELECT jsonb_array_elements_text($5::jsonb)) THEN 'stable_function'
                -- Neither internal nor C.
                WHEN p.oid >= 16384 AND p.prokind <> 'a' AND p.prolang NOT IN (12, 13) THEN 'opaque'
                END AS kind
            FROM reached JOIN pg_proc AS p ON p.oid = reached.oid
        )
        SELECT kind, name FROM judged WHERE kind IS NOT NULL
        UNION
        SELECT 'time_dependent', 'timetz' FROM types WHERE conversion IS NULL AND oid = 1266
        UNION
        SELECT 'system_catalog', t.typname::text FROM types JOIN pg_type AS t ON t.oid = types.oid
        WHERE types.conversion IS NULL AND t.oid < 16384 AND t.typname ~ '^_?reg'
        UNION
        SELECT CASE WHEN m[1]::int <= 8 THEN 'time_dependent' ELSE 'stable_function' END,
            (ARRAY['current_date', 'current_time', 'current_time', 'current_timestamp', 'current_timestamp',
                'localtime', 'localtime', 'localtimestamp', 'localtimestamp', 'current_role', 'current_user',
                'user', 'session_user', 'current_catalog', 'current_schema'])[m[1]::int + 1]
        FROM trees CROSS JOIN regexp_matches(tree, '[{]SQLVALUEFUNCTION :op ([0-9]+)', 'g') AS m
        UNION
        SELECT 'volatile_function', 'tablesample' FROM trees WHERE tree ~ '[{]TABLESAMPLECLAUSE '
        UNION
        SELECT 'system_column', (ARRAY['ctid', 'xmin', 'cmin', 'xmax', 'cmax', 'tableoid'])[m[1]::int]
        FROM trees CROSS JOIN regexp_matches(tree, ':varattno -([1-6]) ', 'g') AS m
        UNION
        SELECT 'time_dependent', t.typname::text
        FROM trees CROSS JOIN regexp_matches(tree, ':resulttype ([0-9]+)', 'g') AS m
        JOIN pg_type AS t ON t.oid = m[1]::oid
        LEFT JOIN pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
        LEFT JOIN pg_range AS r ON t.oid IN (r.rngtypid, r.rngmultitypid)
        LEFT JOIN pg_type AS b ON b.oid = r.rngsubtype
        WHERE t.typtype = 'c' OR 'D' IN (t.typcategory, e.typcategory, b.typcategory)
        ORDER BY 1, 2
        """

    /// Of the one relation that is read, whatever name the text has for it. A view is locked beside what it reads.
    static let rowKey = """
        SELECT k.kind, k.name FROM pg_class AS t CROSS JOIN \(RowKey.lateral)
        WHERE t.oid = ALL (current_setting('cistern.relations')::oid[])
            AND cardinality(current_setting('cistern.relations')::oid[]) = 1
        """

    /// Answers `conversion` for a type that has a moving input, `column` and `answer` for what is never a text. A
    /// column may also be one that a function in FROM makes.
    static let conversions = """
        WITH RECURSIVE \(namesAndTypes("$1")),
        made(name) AS (
            SELECT part.name FROM jsonb_to_recordset($4::jsonb) AS w(name text)
            JOIN pg_proc AS p ON p.proname = w.name::name
            CROSS JOIN LATERAL (
                SELECT unnest(p.proargnames) UNION ALL
                SELECT a.attname::text FROM pg_type AS t JOIN pg_attribute AS a ON a.attrelid = t.typrelid
                WHERE t.oid = p.prorettype AND t.typtype = 'c'
            ) AS part(name)
        )
        SELECT 'conversion', y.conversion::text FROM types AS y JOIN pg_type AS t ON t.oid = y.oid
        WHERE y.conversion IS NOT NULL AND (t.typcategory = 'D' OR t.typtype = 'c' OR t.oid = 2249)
        UNION
        SELECT 'column', a.attname::text FROM pg_attribute AS a
        JOIN pg_type AS t ON t.oid = a.atttypid LEFT JOIN pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
        WHERE a.attrelid = ANY (current_setting('cistern.relations')::oid[]) AND NOT a.attisdropped
            AND a.attname IN (SELECT jsonb_array_elements_text($2::jsonb)::name)
            AND NOT EXISTS (SELECT FROM made WHERE made.name = a.attname::text)
        GROUP BY a.attname
        HAVING bool_and(t.typcategory NOT IN ('S', 'X') AND COALESCE(e.typcategory, 'A') NOT IN ('S', 'X'))
        UNION
        SELECT 'answer', (w.number - 1)::text
        FROM jsonb_array_elements($3::jsonb) WITH ORDINALITY AS w(call, number)
        JOIN pg_proc AS p ON p.proname = (w.call ->> 'name')::name
        JOIN pg_namespace AS s ON s.oid = p.pronamespace
        JOIN pg_type AS t ON t.oid = p.prorettype LEFT JOIN pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
        WHERE CASE WHEN w.call ->> 'schema' IS NULL THEN s.nspname IN (SELECT name FROM schemas)
            ELSE s.nspname = w.call ->> 'schema' END
        GROUP BY w.number
        HAVING bool_and(t.typtype <> 'p' AND t.typcategory NOT IN ('S', 'X')
            AND COALESCE(e.typcategory, 'A') NOT IN ('S', 'X'))
        """
}
