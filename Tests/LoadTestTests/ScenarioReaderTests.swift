import Testing

@testable import LoadTest

@Suite("Scenario files")
struct ScenarioReaderTests {
    private func error(_ text: String) -> String {
        do throws(LoadTestError) {
            _ = try ScenarioReader.scenario(from: text)
            return "none"
        } catch {
            return error.description
        }
    }

    @Test("a whole file")
    func readsAll() throws {
        let scenario = try ScenarioReader.scenario(
            from: """
                {"name": "mixed", "keys": 500, "zipf": 0.99, "writes": 0.1, "requests": [
                    {"name": "read", "weight": 3, "sql": "SELECT $1, $2, $3, $4", "params": ["{key}", "{1..50}", "é", null],
                     "fields": {"ns": "products", "tags": ["a"]}},
                    {"write": true, "sql": "UPDATE t SET a = 1 WHERE id = $1", "params": ["{key}"]}
                ]}
                """
        )
        #expect(scenario.keys == 500)
        #expect(scenario.zipf == 0.99)
        #expect(scenario.writes == 0.1)
        #expect(scenario.reads.map(\.weight) == [3])
        #expect(
            scenario.reads.first?.parameters == [
                .key, .number(1...50), .literal(json: "\"é\"", text: "é"), .literal(json: "null", text: nil),
            ]
        )
        #expect(scenario.reads.first?.fields == ["ns": "\"products\"", "tags": "[\"a\"]"])
        #expect(scenario.writing.map(\.name) == ["request 2"])
    }

    @Test("an error names the line")
    func namesTheLine() {
        #expect(
            error("{\"keys\": 1,\n\"zipfs\": 1}")
                == "line 2: unknown field \"zipfs\"; there are name, keys, zipf, writes, requests"
        )
        #expect(error("{\n\n\"keys\": 0}") == "line 3: 0 is not from 1.0 to 1000000000.0")
        #expect(error("{\"keys\": 1,\n\"keys\": 1}") == "line 2: field \"keys\" is there twice")
        #expect(error("{\"requests\": [\n{\"sql\": 5}]}") == "line 2: a string is expected")
        #expect(error("{\"requests\": [\n{}]}") == "line 2: the request has no \"sql\"")
        #expect(
            error("{\"requests\": [{\"sql\": \"SELECT 1\",\n\"params\": [\"{5..1}\"]}]}")
                == "line 2: \"{5..1}\" is neither {key} nor a range such as {1..50}"
        )
        #expect(
            error("{\"requests\": [{\"sql\": \"S\", \"fields\": {\"sql\": 1}}]}").hasPrefix("line 1: \"sql\" cannot")
        )
        #expect(error("{\n\"keys\": 1").hasPrefix("line 2: the text ends too early"))
        #expect(error("{}\n]").hasPrefix("line 2: more text"))
    }

    @Test("a share of writes needs a request that writes")
    func checksShares() {
        #expect(error("{\"requests\": [{\"sql\": \"SELECT 1\"}], \"writes\": 0.5}").contains("no request that writes"))
        #expect(error("{\"requests\": [{\"sql\": \"X\", \"write\": true}]}").contains("no request that reads"))
    }
}
