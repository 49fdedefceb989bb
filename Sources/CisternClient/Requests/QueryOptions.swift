/// What goes along with a statement.
public struct QueryOptions: Hashable, Sendable {
    /// Whether an answer from the process's memory is good enough.
    public enum Consistency: String, Hashable, Sendable {
        /// Any proxy's memory, which hears of writes through other proxies a moment later.
        case bounded
        /// The entry's generations are compared in Redis first.
        case strict
    }

    /// The namespace whose time to live and limits apply; nil lets the server choose by the statement's tables.
    public var namespace: String?
    /// The caller's own names for the entry, which `invalidate` works on.
    public var tags: [String] = []
    /// Over the namespace's; zero stores nothing.
    public var timeToLive: Duration?
    /// Accept only an answer at most this old; zero asks PostgreSQL, and stores what it says.
    public var maximumAge: Duration?
    public var consistency = Consistency.bounded
    /// False neither reads the cache nor stores the answer.
    public var usesCache = true
    /// How long PostgreSQL may work on the statement; nil for the server's own limit.
    public var timeout: Duration?
    /// PostgreSQL settings that the statement runs under, as by SET LOCAL; the server allows some names only.
    public var settings: [String: String] = [:]
    /// With a statement that writes: tags, or globs over them, to drop as well.
    public var invalidating: [String] = []
    /// With a statement that writes: reads to run and store right after the COMMIT (write-through).
    public var refreshing: [CisternRead] = []

    public init(
        namespace: String? = nil,
        tags: [String] = [],
        timeToLive: Duration? = nil,
        maximumAge: Duration? = nil,
        consistency: Consistency = .bounded,
        usesCache: Bool = true,
        timeout: Duration? = nil,
        settings: [String: String] = [:],
        invalidating: [String] = [],
        refreshing: [CisternRead] = []
    ) {
        self.namespace = namespace
        self.tags = tags
        self.timeToLive = timeToLive
        self.maximumAge = maximumAge
        self.consistency = consistency
        self.usesCache = usesCache
        self.timeout = timeout
        self.settings = settings
        self.invalidating = invalidating
        self.refreshing = refreshing
    }
}

/// A statement with its parameters.
public struct CisternStatement: Hashable, Sendable, ExpressibleByStringLiteral {
    public var sql: String
    /// For `$1`, `$2` …
    public var parameters: [CisternValue]

    public init(_ sql: String, _ parameters: [CisternValue] = []) {
        self.sql = sql
        self.parameters = parameters
    }

    public init(stringLiteral sql: String) {
        self.init(sql)
    }
}

/// A read that is run and stored right after a write. It shares the entry of the query with the same statement, parameters,
/// namespace, tags and settings.
public struct CisternRead: Hashable, Sendable {
    public var statement: CisternStatement
    public var namespace: String?
    public var tags: [String]
    public var timeToLive: Duration?
    public var settings: [String: String]

    public init(
        _ sql: String,
        _ parameters: [CisternValue] = [],
        namespace: String? = nil,
        tags: [String] = [],
        timeToLive: Duration? = nil,
        settings: [String: String] = [:]
    ) {
        self.statement = CisternStatement(sql, parameters)
        self.namespace = namespace
        self.tags = tags
        self.timeToLive = timeToLive
        self.settings = settings
    }
}

extension RequestLine {
    mutating func add(_ statement: CisternStatement) {
        add("sql", statement.sql)
        if !statement.parameters.isEmpty { add("params", CisternValue.array(statement.parameters)) }
    }

    mutating func add(_ options: QueryOptions) {
        add("ns", options.namespace)
        add("tags", options.tags)
        add("ttl", seconds: options.timeToLive)
        add("max_age_ms", milliseconds: options.maximumAge)
        if options.consistency == .strict { add("consistency", "strict") }
        if !options.usesCache { add("cache", CisternValue.bool(false)) }
        add("timeout_ms", milliseconds: options.timeout)
        add(settings: options.settings)
        addWrite(invalidating: options.invalidating, refreshing: options.refreshing)
    }

    mutating func add(settings: [String: String]) {
        if !settings.isEmpty { add("settings", CisternValue(settings: settings)) }
    }

    mutating func addWrite(invalidating: [String], refreshing: [CisternRead]) {
        add("invalidate", invalidating)
        if !refreshing.isEmpty { add("refresh", CisternValue.array(refreshing.map { CisternValue($0) })) }
    }
}

extension CisternValue {
    fileprivate init(settings: [String: String]) {
        self = .object(settings.sorted { $0.key < $1.key }.map { Member($0.key, .string($0.value)) })
    }

    init(_ statement: CisternStatement) {
        var members = [Member("sql", .string(statement.sql))]
        if !statement.parameters.isEmpty { members.append(Member("params", .array(statement.parameters))) }
        self = .object(members)
    }

    fileprivate init(_ read: CisternRead) {
        var members = CisternValue(read.statement).members ?? []
        if let namespace = read.namespace { members.append(Member("ns", .string(namespace))) }
        if !read.tags.isEmpty { members.append(Member("tags", .array(read.tags.map { .string($0) }))) }
        if let timeToLive = read.timeToLive {
            members.append(Member("ttl", .number("\(Double(timeToLive.wholeMilliseconds) / 1000)")))
        }
        if !read.settings.isEmpty { members.append(Member("settings", CisternValue(settings: read.settings))) }
        self = .object(members)
    }
}
