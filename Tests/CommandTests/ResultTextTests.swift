import Testing

@testable import cistern

@Suite struct ResultTextTests {
    private static func text(_ answer: String, _ time: Duration? = .microseconds(520)) throws -> String {
        ResultText(try Answer(answer)).text(time: time)
    }

    @Test func rows() throws {
        let text = try Self.text(
            """
            {"ok":true,"cache":"memory","age_ms":112,"ttl_ms":298000,"columns":[{"name":"id","type":"int8"},\
            {"name":"name","type":"text"}],"rows":[[1,"a"],[2,null],[30,"NULL"]],"row_count":3}
            """
        )
        #expect(
            text == """
                 id | name 
                ----+------
                  1 | a
                  2 | NULL
                 30 | NULL
                (3 rows)
                (memory, 112 ms old, 4m 58s left, 0.52 ms)

                """
        )
    }

    @Test func whereItCameFrom() throws {
        let miss = #"{"ok":true,"cache":"miss","age_ms":3,"ttl_ms":1500,"columns":[],"rows":[[]],"row_count":1}"#
        #expect(try Self.text(miss) == "(1 row)\n(miss, 1.5 s left, 0.52 ms)\n")
        #expect(try Self.text(miss, nil) == "(1 row)\n")
        let stale = #"{"ok":true,"cache":"stale","age_ms":90061000,"ttl_ms":0,"columns":[],"rows":[],"row_count":0}"#
        #expect(try Self.text(stale) == "(0 rows)\n(stale, 1d 1h old, 0.52 ms)\n")
        let write = """
            {"ok":true,"cache":"bypass","reason":"write","command":"UPDATE","row_count":2,"columns":[],"rows":[],\
            "invalidated":{"tables":["public.t"],"tags":["t:1"],"complete":false}}
            """
        #expect(
            try Self.text(write)
                == "UPDATE 2\n(bypass: write, invalidated public.t t:1, Redis is told when it is back, 0.52 ms)\n"
        )
    }

    @Test func errors() {
        #expect(throws: CommandFailure("sql_error: no (SQLSTATE 42703) at character 8\nhint: yes")) {
            try Answer(
                #"{"ok":false,"error":{"code":"sql_error","message":"no","sqlstate":"42703","position":8,"hint":"yes"}}"#
            )
        }
        #expect(throws: CommandFailure("the server answered what is not JSON: HTTP/1.1 400", .protocolError)) {
            try Answer("HTTP/1.1 400")
        }
        let away = #"{"ok":false,"error":{"code":"postgres_unavailable","message":"PostgreSQL cannot be reached"}}"#
        #expect { try Answer(away) } throws: { error in
            (error as? CommandFailure)?.message.contains("cistern stats") == true
        }
    }

    @Test func colours() {
        #expect(!Paint(isTerminal: false, environment: [:]).isOn)
        #expect(Paint(isTerminal: true, environment: ["NO_COLOR": ""]).isOn)
        #expect(!Paint(isTerminal: true, environment: ["NO_COLOR": "1"]).isOn)
        #expect(!Paint(isTerminal: true, environment: ["TERM": "dumb"]).isOn)
        #expect(Paint(isOn: true)(.red, "x") == "\u{1B}[31mx\u{1B}[0m")
        #expect(Paint.none(.red, "x") == "x")
    }

    @Test(arguments: [
        ("127.0.0.1:7432", "127.0.0.1:7432"), ("db:1", "db:1"), (":99", "127.0.0.1:99"), ("[::1]:7432", "[::1]:7432"),
        ("::1", nil), ("db", nil), ("db:", nil), ("db:0", nil), ("db:65536", nil), ("[::1]", nil), ("a b:1", nil),
        ("", nil),
        ("[::1:5", nil), ("[::1]5", nil),
    ])
    func addresses(text: String, shown: String?) {
        #expect(ServerAddress(argument: text)?.description == shown)
    }

    @Test func addressFromTheVariable() throws {
        func chosen(_ option: ServerAddress?, _ environment: [String: String]) throws -> String {
            try
                "\(ServerAddress.chosen(option: option, variable: "V", environment: environment, default: .defaultLine))"
        }
        #expect(try chosen(nil, [:]) == "127.0.0.1:7432")
        #expect(try chosen(nil, ["V": ""]) == "127.0.0.1:7432")
        #expect(try chosen(nil, ["V": "a:1"]) == "a:1")
        #expect(try chosen(ServerAddress(host: "b", port: 2), ["V": "a:1"]) == "b:2")
        #expect(throws: CommandFailure.self) { try chosen(nil, ["V": "a"]) }
    }
}
