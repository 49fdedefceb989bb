internal import PostgresClient
internal import SQLAnalysis

/// Queries that PostgreSQL has run, by whomever they were sent, from the extension `pg_stat_statements`.
///
/// It may be missing, not loaded, or hide what other roles asked: then nothing is known, and why is said. A few of the
/// dearest queries are looked at, and the server is asked what they read as it is for a client's.
struct OutsideQueries {
    private static let candidates = 20
    /// Milliseconds.
    private static let timeout: Int64 = 5000

    let proxy: QueryProxy

    enum Outcome: Sendable, Equatable {
        case queries([OutsideQuery])
        case unavailable(why: String)
    }

    func read() async -> Outcome {
        do {
            guard let schema = try await rows(Self.whereabouts).first?.first ?? nil else {
                return .unavailable(why: "the extension pg_stat_statements is not installed in this database")
            }
            var queries: [OutsideQuery] = []
            for row in try await rows(Self.dearest(in: schema)) {
                guard row.count == 3, let text = row[0], let calls = row[1].flatMap({ Int($0) }),
                    let milliseconds = row[2].flatMap({ Double($0) }),
                    let query = await judged(text, calls: calls, meanMicroseconds: milliseconds * 1000)
                else { continue }
                queries.append(query)
            }
            return .queries(queries)
        } catch let error as PostgresError {
            return .unavailable(why: "pg_stat_statements cannot be read: \(error.message)")
        } catch {
            return .unavailable(why: "pg_stat_statements cannot be read")
        }
    }

    private func rows(_ sql: String) async throws -> [[String?]] {
        var step = PostgresStep(sql: sql)
        step.output = .rows
        var script = PostgresScript(steps: [step])
        script.timeout = .milliseconds(Self.timeout)
        script.runsInTransaction = true
        script.rollsBack = true
        script.isReadOnly = true
        return try await proxy.postgres.run(script)[0].rows
    }

    private static let whereabouts = """
        SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension AS e
        JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'
        """

    /// Those of this database and role, since what others may see is theirs.
    private static func dearest(in schema: String) -> String {
        """
        SELECT s.query, s.calls::text, s.mean_exec_time::text FROM \(schema).pg_stat_statements AS s
        WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())
            AND s.userid = (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user)
            AND s.query ~* '^\\s*(select|with|values|table)\\M' AND pg_catalog.length(s.query) < 10000
            AND s.calls >= \(AdviceThreshold.outsideCalls)
            AND s.mean_exec_time >= \(AdviceThreshold.outsideMicroseconds / 1000)
        ORDER BY s.total_exec_time DESC LIMIT \(candidates)
        """
    }

    /// Nil where it could not be cached, or cannot be told.
    private func judged(_ text: String, calls: Int, meanMicroseconds: Double) async -> OutsideQuery? {
        let statement = await proxy.statements.statement(text)
        guard case .read = statement.shape.kind,
            let plan = try? await proxy.plan(for: statement, QueryRequest(sql: text)), plan.cacheability == .cacheable,
            !plan.tables.isEmpty
        else { return nil }
        return OutsideQuery(
            statement: statement.shape.template,
            calls: calls,
            meanMicroseconds: meanMicroseconds,
            namespace: plan.namespace,
            standing: Self.standing(of: statement.shape.template, among: proxy.queries.figures)
        )
    }

    /// The server puts a parameter in each constant's place, so both count as the same here.
    static func standing(of template: String, among queries: [QueryFigures]) -> OutsideQuery.Standing {
        let pattern = template.withoutValues
        // A long one is known here by its beginning alone.
        let known = queries.filter { pattern.hasPrefix($0.statement.withoutValues) && !$0.statement.isEmpty }
        guard let query = known.max(by: { $0.answers.total < $1.answers.total }) else { return .unknown }
        if query.answers.lookups > 0 { return .lookedUp }
        return query.reason.map { .bypassed(reason: $0) } ?? .unknown
    }
}

extension String {
    /// A statement's template with one sign, `?`, for parameters (`$1`) and for constants of every kind (`?int`).
    var withoutValues: String {
        var result = ""
        var isInValue = false
        for character in self {
            if isInValue, character.isLetter || character.isNumber { continue }
            isInValue = character == "?" || character == "$"
            result.append(isInValue ? "?" : character)
        }
        return result
    }
}
