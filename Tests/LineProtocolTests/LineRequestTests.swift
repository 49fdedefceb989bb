import LineProtocol
import NIOCore
import QueryProxy
import Testing

@Suite struct LineRequestTests {
    private func parse(_ line: String) throws(LineRequestError) -> LineRequest {
        try LineRequest(line: ByteBuffer(string: line))
    }

    private func query(_ line: String) throws -> QueryRequest {
        guard case .proxy(.query(let query)) = try parse(line).operation else {
            throw ProxyError(.internal, "not a query")
        }
        return query
    }

    @Test(arguments: ["PING", "ping", " Ping ", "\t  ping            "]) func ping(line: String) throws {
        #expect(try parse(line).operation == .ping)
    }

    @Test func wordsAndStatements() throws {
        #expect(try parse("quit").operation == .quit)
        #expect(try parse("HELP").operation == .help)
        #expect(try parse("stats").operation == .proxy(.stats))
        #expect(try query("SELECT 1;").sql == "SELECT 1;")
        // Longer than a word of ours, so PostgreSQL shall say what it thinks of it.
        #expect(try query("pinging").sql == "pinging")
        #expect(try query("PING      twice").sql == "PING      twice")
    }

    @Test func everyFieldOfAQuery() throws {
        let line = """
            {"id":"x\\u0041","sql":"SELECT $1","params":[null,"a\\n",1.50,true,[1, 2],{"b": 1}],"ns":"products",\
            "tags":["b","a","b"],"ttl":1.5,"max_age_ms":1e3,"consistency":"strict","cache":false,"timeout_ms":20,\
            "settings":{"TimeZone":"UTC","app.user":42},"invalidate":["p:*"],"refresh":[{"sql":"SELECT 2"}]}
            """
        let request = try parse(line)
        #expect(request.id == "\"x\\u0041\"")
        let query = try query(line)
        #expect(
            query.parameters == [
                .null, .text("a\n"), .text("1.50"), .text("true"), .array(json: "[1, 2]"), .object(json: "{\"b\": 1}"),
            ]
        )
        #expect(query.namespace == "products")
        #expect(query.tags == ["a", "b"])
        #expect(query.ttl == 1.5)
        #expect(query.maximumAge == 1000)
        #expect(query.consistency == .strict)
        #expect(!query.usesCache)
        #expect(query.timeout == 20)
        #expect(
            query.settings == [
                QuerySetting(name: "app.user", value: "42"), QuerySetting(name: "timezone", value: "UTC"),
            ]
        )
        #expect(query.invalidate == ["p:*"])
        #expect(query.refresh == [QueryRequest(sql: "SELECT 2")])
    }

    @Test func numbersOfAnIdentifierKeepTheirDigits() throws {
        #expect(try parse("{\"id\":12345678901234567890123,\"op\":\"ping\"}").id == "12345678901234567890123")
        #expect(try parse("{\"id\":1.50,\"op\":\"ping\"}").id == "1.50")
    }

    @Test func invalidations() throws {
        let line = """
            {"op":"invalidate","tags":["product:42"],"pattern":"products:*","ns":"stock","tables":["public.products"],\
            "keys":["product:42"],"all":true,"reason":"import"}
            """
        var expected = InvalidateRequest()
        expected.tags = ["product:42"]
        expected.pattern = "products:*"
        expected.namespaces = ["stock"]
        expected.tables = ["public.products"]
        expected.keys = ["product:42"]
        expected.everything = true
        expected.reason = "import"
        #expect(try parse(line).operation == .proxy(.invalidate(expected)))
        guard case .proxy(.invalidate(let two)) = try parse("{\"op\":\"invalidate\",\"ns\":[\"a\",\"b\"]}").operation
        else {
            throw ProxyError(.internal, "not an invalidation")
        }
        #expect(two.namespaces == ["a", "b"])
    }

    @Test(
        arguments: [
            (#"{"op":"get","key":"product:42"}"#, .get(key: "product:42")),
            (
                #"{"op":"set","key":"a:1","value": {"b" : 1.50, "a":[ ] } ,"ttl":0.5}"#,
                .set(key: "a:1", value: ByteBuffer(string: #"{"b" : 1.50, "a":[ ] }"#), ttl: 0.5)
            ),
            (
                #"{"op":"set","key":"a:1","value":null}"#,
                .set(key: "a:1", value: ByteBuffer(string: "null"), ttl: nil)
            ),
            (#"{"op":"delete","key":"a:1"}"#, .delete(keys: ["a:1"])),
            (#"{"op":"delete","keys":["a:1","b:2"]}"#, .delete(keys: ["a:1", "b:2"])),
            (#"{"op":"exists","key":"a:1"}"#, .exists(key: "a:1")),
            (#"{"op":"expire","key":"a:1","ttl":60}"#, .expire(key: "a:1", ttl: 60)),
        ] as [(String, ValueRequest)]
    )
    func operationsOfTheCacheService(line: String, request: ValueRequest) throws {
        #expect(try parse(line).operation == .proxy(.value(request)))
    }

    @Test func tagsThatDifferInTheirBytesAreDifferent() throws {
        let tags = try query("{\"sql\":\"SELECT 1\",\"tags\":[\"caf\u{E9}\",\"cafe\u{301}\",\"caf\u{E9}\"]}").tags
        #expect(tags.map { $0.utf8.count }.sorted() == [5, 6])
    }

    @Test func transactions() throws {
        let line = """
            {"op":"transaction","statements":[{"sql":"UPDATE a SET b=$1","params":[1]},{"sql":"SELECT 1"}],\
            "isolation":"Repeatable Read","timeout_ms":5}
            """
        var expected = TransactionRequest(statements: [
            .init(sql: "UPDATE a SET b=$1", parameters: [.text("1")]), .init(sql: "SELECT 1"),
        ])
        expected.isolation = .repeatableRead
        expected.timeout = 5
        #expect(try parse(line).operation == .proxy(.transaction(expected)))
    }

    @Test(
        arguments: [
            ("{\"id\":7,\"sql\":\"SELECT 1\",\"tl\":5}", "7", "unknown field \"tl\""),
            ("{\"id\":7,\"sql\":\"SELECT 1\",\"sql\":\"SELECT 2\"}", "7", "field \"sql\" is there twice"),
            ("{\"id\":7,\"op\":\"qery\",\"sql\":\"SELECT 1\"}", "7", "unknown op \"qery\""),
            ("{\"id\":7,\"sql\":5}", "7", "field \"sql\" must be a string"),
            ("{\"id\":7,\"sql\":\"SELECT 1\",\"params\":{}}", "7", "field \"params\" must be an array"),
            ("{\"id\":7,\"sql\":\"SELECT 1\",\"ttl\":-1}", "7", "field \"ttl\" must be a number"),
            ("{\"id\":7,\"sql\":\"SELECT 1\",\"ttl\":1e999}", "7", "field \"ttl\" must be a number"),
            ("{\"id\":7,\"sql\":\"SELECT 1\",\"max_age_ms\":1.5}", "7", "field \"max_age_ms\" must be a whole"),
            ("{\"id\":7,\"sql\":\"SELECT 1\",\"timeout_ms\":0}", "7", "field \"timeout_ms\" must be a whole"),
            ("{\"id\":7,\"sql\":\"SELECT 1\",\"timeout_ms\":99999999999999999999}", "7", "field \"timeout_ms\""),
            ("{\"id\":7,\"sql\":\"SELECT 1\",\"consistency\":\"eventual\"}", "7", "field \"consistency\" must be"),
            ("{\"id\":7,\"sql\":\"SELECT 1\",\"cache\":0}", "7", "field \"cache\" must be true or false"),
            ("{\"id\":7,\"sql\":\"SELECT 1\",\"settings\":{\"a\":null}}", "7", "setting \"a\" must be"),
            ("{\"id\":7,\"sql\":\"SELECT 1\",\"settings\":{\"a\":1,\"A\":2}}", "7", "setting \"A\" is there twice"),
            ("{\"id\":7,\"sql\":\"SELECT 1\",\"tags\":[\"\"]}", "7", "field \"tags\" holds an empty"),
            ("{\"id\":7,\"sql\":\"SELECT\\u0000 1\"}", "7", "NUL"),
            ("{\"id\":7,\"sql\":\"SELECT \\ud800\"}", "7", "field \"sql\": not a JSON escape"),
            ("{\"id\":7,\"sql\":\"SELECT 1\",", "7", "not a JSON object"),
            ("{\"id\":7,\"sql\":\"SELECT 1\"} x", "7", "not a JSON object"),
            ("{\"id\":[1],\"sql\":\"SELECT 1\"}", nil, "field \"id\" must be"),
            ("{\"id\":null,\"sql\":\"SELECT 1\"}", nil, "field \"id\" must be"),
            ("{}", nil, "field \"sql\" is missing"),
            ("{\"op\":\"ping\",\"sql\":\"SELECT 1\"}", nil, "unknown field \"sql\""),
            ("{\"op\":\"transaction\",\"statements\":[]}", nil, "at least one statement"),
            (#"{"op":"get"}"#, nil, "field \"key\" is missing"),
            (#"{"op":"get","key":5}"#, nil, "field \"key\" must be a string"),
            (#"{"op":"get","key":"a:\ud800"}"#, nil, "field \"key\": not a JSON escape"),
            (#"{"op":"get","key":"a:1","ttl":5}"#, nil, "unknown field \"ttl\""),
            (#"{"op":"set","key":"a:1"}"#, nil, "field \"value\" is missing"),
            (#"{"op":"set","key":"a:1","value":NaN}"#, nil, "not a JSON object"),
            (#"{"op":"set","key":"a:1","value":1,"ttl":-1}"#, nil, "field \"ttl\" must be a number of zero"),
            (#"{"op":"set","key":"a:1","value":1,"ttl":"5"}"#, nil, "field \"ttl\" must be a number of zero"),
            (#"{"op":"delete"}"#, nil, "name one key"),
            (#"{"op":"delete","key":"a:1","keys":["a:1"]}"#, nil, "name one key"),
            (#"{"op":"delete","keys":[]}"#, nil, "name one key"),
            (#"{"op":"expire","key":"a:1"}"#, nil, "field \"ttl\" is missing"),
            ("SELECT '\u{0}'", nil, "NUL"),
            ("   ", nil, "white space"),
        ] as [(String, String?, String)]
    )
    func mistakesAreNamed(line: String, id: String?, message: String) {
        #expect {
            try parse(line)
        } throws: { error in
            guard let error = error as? LineRequestError else { return false }
            return error.error.code == .badRequest && error.id == id && error.error.message.contains(message)
        }
    }

    @Test func deepNestingAndBrokenTextAreRefused() {
        let deep = "{\"sql\":\"SELECT 1\",\"params\":" + String(repeating: "[", count: 500_000)
        #expect(throws: LineRequestError.self) { try parse(deep) }
        #expect(throws: LineRequestError.self) { try LineRequest(line: ByteBuffer(bytes: [0x7B, 0xFF, 0x7D])) }
        #expect(throws: LineRequestError.self) { try LineRequest(line: ByteBuffer(bytes: [0x53, 0xC0, 0x80])) }
    }

    @Test func everyDamagedByteIsSurvived() {
        let line = Array(
            "{\"id\":1,\"sql\":\"SELECT $1\",\"params\":[1,[2]],\"settings\":{\"a\":\"b\"},\"ttl\":1}".utf8
        )
        for index in line.indices {
            for byte in UInt8.min...UInt8.max {
                var damaged = line
                damaged[index] = byte
                _ = try? LineRequest(line: ByteBuffer(bytes: damaged))
            }
        }
    }
}
