/// Who a connection is, and the session defaults that can change what a statement answers.
package struct PostgresIdentity: Sendable, Equatable {
    package var database = ""
    package var user = ""
    package var searchPath = ""
    package var timeZone = ""
    package var dateStyle = ""
    package var intervalStyle = ""
    package var byteaOutput = ""
    package var extraFloatDigits = ""
    /// As `server_version_num`: 150004.
    package var serverVersion = ""
    /// Of the ``rarerSettings``, in their order; empty where the server does not know one.
    package var rarer: [String] = []
    /// The cluster's own number; empty where the role may not ask for it.
    package var systemIdentifier = ""

    /// Everything that must be equal for two connections to give the same answers, for a cache key.
    package var keyParts: [String] {
        [
            systemIdentifier, database, user, searchPath, timeZone, dateStyle, intervalStyle, byteaOutput,
            extraFloatDigits,
        ] + rarer
    }

    /// Settings that few roles and databases have of their own, but by which the same text may answer something else:
    /// what `money` looks like, which words `text @@ text` knows, which similarity is similar, what `= NULL` means.
    static let rarerSettings = [
        "array_nulls", "default_text_search_config", "gin_fuzzy_search_limit", "lc_monetary", "lc_numeric", "lc_time",
        "pg_trgm.similarity_threshold", "pg_trgm.strict_word_similarity_threshold", "pg_trgm.word_similarity_threshold",
        "quote_all_identifiers", "standard_conforming_strings", "timezone_abbreviations", "transform_null_equals",
        "xmlbinary", "xmloption",
    ]

    static let question = """
        SELECT pg_catalog.current_database(), current_user, pg_catalog.current_setting('search_path'),
            pg_catalog.current_setting('TimeZone'), pg_catalog.current_setting('DateStyle'),
            pg_catalog.current_setting('IntervalStyle'), pg_catalog.current_setting('bytea_output'),
            pg_catalog.current_setting('extra_float_digits'), pg_catalog.current_setting('server_version_num'),
            \(rarerSettings.map { "pg_catalog.current_setting('\($0)', true)" }.joined(separator: ", "))
        """

    static let systemQuestion = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()"

    init(row: [String?], systemIdentifier: String) {
        let values = row.map { $0 ?? "" }
        guard values.count >= 9 else { return }
        database = values[0]
        user = values[1]
        searchPath = values[2]
        timeZone = values[3]
        dateStyle = values[4]
        intervalStyle = values[5]
        byteaOutput = values[6]
        extraFloatDigits = values[7]
        serverVersion = values[8]
        rarer = Array(values[9...])
        self.systemIdentifier = systemIdentifier
    }
}
