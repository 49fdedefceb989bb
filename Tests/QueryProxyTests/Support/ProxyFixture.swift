import JSONText
import Logging
import NIOCore
import SQLAnalysis
import Sessions

@testable import PostgresClient
@testable import QueryCache
@testable import QueryProxy

// swift-testing has a `Tag` of its own, so here, where it is not imported, ours gets another name.
typealias ProxyTag = Tag

/// A proxy whose PostgreSQL is not there: enough for what is decided without asking it.
struct ProxyFixture {
    let proxy: QueryProxy
    let analyzer = SQLAnalyzer()
    let identity = PostgresIdentity(
        row: [
            "shop", "app", "\"$user\", public", "UTC", "ISO, MDY", "postgres", "hex", "1", "150004",
        ],
        systemIdentifier: "42"
    )

    init(
        _ namespaces: [String: NamespaceSettings] = [:],
        tables: [String: String] = [:],
        values: any ValueStore = MemoryValueStore(budget: 1 << 20),
        sessions: (any SessionStore)? = nil,
        tellsRowsApart: Bool = true
    ) {
        var settings = QueryProxySettings(
            allowedSettings: ["search_path", "timezone", "app.*"],
            statementTimeout: 30_000,
            maximumStatementTimeout: 60_000,
            maximumResultBytes: 1 << 20,
            maximumValueBytes: 1 << 20,
            rememberedStatements: 100,
            namespaces: Namespaces(named: namespaces, tables: tables, fallback: NamespaceSettings(ttl: 300_000))
        )
        settings.tellsRowsApart = tellsRowsApart
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        proxy = QueryProxy(
            settings: settings,
            postgres: PostgresPool(configuration: PostgresConfiguration(url: ""), logger: logger),
            redis: nil,
            cache: QueryCache(settings: QueryCacheSettings(), shared: nil),
            values: values,
            sessions: sessions,
            channel: nil,
            analyzer: analyzer,
            logger: logger
        )
    }

    func plan(
        tables: [String] = ["public.products"],
        readsUnknown: Bool = false,
        bypass reason: String? = nil,
        namespace: String = "default",
        rowKey: RowKey? = nil
    ) -> ReadPlan {
        ReadPlan(
            tables: tables,
            readsUnknown: readsUnknown,
            cacheability: reason.map { .bypass(reason: $0) } ?? .cacheable,
            namespace: namespace,
            schemaVersion: 0,
            rowKey: rowKey
        )
    }

    func route(_ request: QueryRequest, _ plan: ReadPlan) async -> ReadRoute {
        let statement = KnownStatement(shape: await analyzer.shape(of: request.sql))
        return proxy.route(request, statement, plan, identity)
    }
}

extension ReadRoute {
    var lookup: CacheLookup? { if case .lookup(let lookup) = self { lookup } else { nil } }

    /// The reason of a bypass, and whether it is run as something that may write.
    var bypass: (reason: String, mayWrite: Bool)? {
        if case .bypass(let reason, let mayWrite, _) = self { (reason, mayWrite) } else { nil }
    }

    var namespace: String {
        switch self {
        case .lookup(let lookup): lookup.namespace
        case .bypass(_, _, let namespace): namespace
        }
    }
}

extension QueryRequest {
    init(_ sql: String, _ change: (inout QueryRequest) -> Void = { _ in }) {
        self.init(sql: sql)
        change(&self)
    }
}

extension InvalidationMessage {
    init?(_ text: String) {
        self.init(ByteBuffer(string: text))
    }

    var text: String { String(buffer: bytes) }

    /// Its members, as another service reads them.
    func members() throws -> JSONValue { try JSONValue(parsing: text) }
}
