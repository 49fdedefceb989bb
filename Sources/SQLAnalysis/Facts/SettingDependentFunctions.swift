internal import JSONText

/// PostgreSQL's own STABLE functions that may be remembered all the same.
///
/// They are STABLE because they depend on TimeZone, DateStyle, IntervalStyle, `bytea_output` or `extra_float_digits`,
/// on the output functions of their arguments, which depend on these, or on definitions. The settings are part of a
/// cache key, and a changed definition drops everything that was learned. None of them looks at the clock, at the
/// session or at data.
///
/// Each stands under the name of its C function, which its overloads do not share; aggregates, of which that name is
/// the same for all, and functions written in SQL stand under their own.
///
/// Not here, though they look harmless: `age` of one argument (the current date), `to_char`, `to_date` and `to_number`
/// (`lc_time`, `lc_numeric`), conversions to `timetz` (today's offset), `jsonb_populate_record` and its like (they
/// read a stored `now`), `to_tsvector` of one argument (the current text search configuration).
enum SettingDependentFunctions {
    private static let names = [
        // Text made of values.
        "text_concat", "text_concat_ws", "text_format", "text_format_nv", "array_to_text", "array_to_text_null",
        "sql quote_literal", "sql quote_nullable", "sql textanycat", "sql anytextcat",
        // JSON made of values.
        "to_json", "to_jsonb", "array_to_json", "array_to_json_pretty", "row_to_json", "row_to_json_pretty",
        "json_build_array", "json_build_array_noargs", "json_build_object", "json_build_object_noargs",
        "jsonb_build_array", "jsonb_build_array_noargs", "jsonb_build_object", "jsonb_build_object_noargs",
        "aggregate json_agg", "aggregate jsonb_agg", "aggregate json_object_agg", "aggregate jsonb_object_agg",
        "aggregate json_agg_strict", "aggregate jsonb_agg_strict", "aggregate json_object_agg_strict",
        "aggregate jsonb_object_agg_strict", "aggregate json_object_agg_unique", "aggregate jsonb_object_agg_unique",
        "aggregate json_object_agg_unique_strict", "aggregate jsonb_object_agg_unique_strict",
        // Parts of a moment, and moments made of parts, in the session's zone. `timetz_zone` depends on the day, but
        // statements that have to do with a timetz are told by the type.
        "extract_timestamptz", "timestamptz_part", "timestamptz_trunc", "timestamptz_trunc_zone", "make_timestamptz",
        "make_timestamptz_at_timezone", "timetz_zone", "sql timestamptz", "sql overlaps",
        "timestamp_at_local", "timestamptz_at_local",
        // Arithmetic with moments.
        "timestamptz_pl_interval", "timestamptz_mi_interval", "timestamptz_pl_interval_at_zone",
        "timestamptz_mi_interval_at_zone", "sql interval_pl_timestamptz", "generate_series_timestamptz",
        "generate_series_timestamptz_at_zone", "in_range_timestamptz_interval",
        // Conversions between moments.
        "date_timestamptz", "timestamp_timestamptz", "timestamptz_date", "timestamptz_time", "timestamptz_timestamp",
        // Comparisons of moments of different types.
        "date_cmp_timestamptz", "date_eq_timestamptz", "date_ne_timestamptz", "date_lt_timestamptz",
        "date_le_timestamptz", "date_gt_timestamptz", "date_ge_timestamptz", "timestamp_cmp_timestamptz",
        "timestamp_eq_timestamptz", "timestamp_ne_timestamptz", "timestamp_lt_timestamptz", "timestamp_le_timestamptz",
        "timestamp_gt_timestamptz", "timestamp_ge_timestamptz", "timestamptz_cmp_date", "timestamptz_eq_date",
        "timestamptz_ne_date", "timestamptz_lt_date", "timestamptz_le_date", "timestamptz_gt_date",
        "timestamptz_ge_date", "timestamptz_cmp_timestamp", "timestamptz_eq_timestamp", "timestamptz_ne_timestamp",
        "timestamptz_lt_timestamp", "timestamptz_le_timestamp", "timestamptz_gt_timestamp", "timestamptz_ge_timestamp",
        // The operator `@@` between texts. A search with a tsvector, which has the same name, would otherwise never be
        // remembered; the default configuration is a setting of the role or the database.
        "ts_match_tt", "ts_match_tq",
        // Extensions: similarity against a threshold that is a setting, which shares the name `%` with the remainder
        // of a division; a dictionary.
        "$libdir/pg_trgm similarity_op", "$libdir/pg_trgm word_similarity_op",
        "$libdir/pg_trgm word_similarity_commutator_op", "$libdir/pg_trgm strict_word_similarity_op",
        "$libdir/pg_trgm strict_word_similarity_commutator_op", "$libdir/unaccent unaccent_dict",
        // Definitions of types and encodings.
        "enum_first", "enum_last", "enum_range_all", "enum_range_bounds", "pg_convert", "pg_convert_from",
        "pg_convert_to", "length_in_encoding",
    ]

    /// As a JSON array.
    static let list = JSONValue.array(names.map { .string($0) }).jsonText
}
