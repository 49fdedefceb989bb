internal import JSONText

/// Reads a scenario file: one JSON object.
///
/// ```json
/// {"name": "…", "keys": 20000, "zipf": 0.99, "writes": 0.05, "requests": [
///     {"name": "…", "weight": 3, "sql": "SELECT … WHERE id = $1", "params": ["{key}"], "fields": {"ns": "products"}},
///     {"name": "…", "write": true, "sql": "UPDATE … WHERE id = $1", "params": ["{key}", "{1..50}"]}
/// ]}
/// ```
///
/// An error names the line on which the fault stands.
package struct ScenarioReader {
    private var reader: JSONReader

    /// - Throws: what is wrong, and on which line.
    package static func scenario(from text: String) throws(LoadTestError) -> Scenario {
        let bytes = Array(text.utf8)
        let result = bytes.withUnsafeBytes { bytes -> Result<Scenario, LoadTestError> in
            guard JSONReader.isValidUTF8(bytes) else { return .failure(LoadTestError("the file is not valid UTF-8")) }
            do throws(LoadTestError) {
                var reader = ScenarioReader(reader: JSONReader(bytes))
                let scenario = try reader.scenario()
                try scenario.check()
                return .success(scenario)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private mutating func scenario() throws(LoadTestError) -> Scenario {
        var scenario = Scenario(name: "scenario", keys: 1, zipf: 0, writes: 0, requests: [])
        try members { this, name throws(LoadTestError) in
            switch name {
            case "name": scenario.name = try this.string()
            case "keys": scenario.keys = Int(try this.number(in: 1...1e9))
            case "zipf": scenario.zipf = try this.number(in: 0...10)
            case "writes": scenario.writes = try this.number(in: 0...1)
            case "requests": scenario.requests = try this.requests()
            default: throw this.fault("unknown field \"\(name)\"; there are name, keys, zipf, writes, requests")
            }
        }
        do throws(JSONError) { try reader.finish() } catch { throw fault(error) }
        return scenario
    }

    private mutating func requests() throws(LoadTestError) -> [Scenario.Request] {
        var requests: [Scenario.Request] = []
        try elements { this throws(LoadTestError) in requests.append(try this.request(number: requests.count + 1)) }
        return requests
    }

    private mutating func request(number: Int) throws(LoadTestError) -> Scenario.Request {
        var request = Scenario.Request(
            name: "request \(number)",
            weight: 1,
            isWrite: false,
            sql: "",
            parameters: [],
            fields: [:]
        )
        try members { this, name throws(LoadTestError) in
            switch name {
            case "name": request.name = try this.string()
            case "weight": request.weight = try this.number(in: 0...1e9)
            case "write": request.isWrite = try this.flag()
            case "sql": request.sql = try this.string()
            case "params": request.parameters = try this.parameters()
            case "fields": request.fields = try this.fields()
            default:
                throw this.fault("unknown field \"\(name)\"; there are name, weight, write, sql, params, fields")
            }
        }
        if request.sql.isEmpty { throw fault("the request has no \"sql\"") }
        return request
    }

    private mutating func fields() throws(LoadTestError) -> [String: String] {
        var fields: [String: String] = [:]
        try members { this, name throws(LoadTestError) in
            if ["sql", "params", "id"].contains(name) { throw this.fault("\"\(name)\" cannot stand among the fields") }
            fields[name] = try this.raw()
        }
        return fields
    }

    private mutating func parameters() throws(LoadTestError) -> [Scenario.Parameter] {
        var parameters: [Scenario.Parameter] = []
        try elements { this throws(LoadTestError) in parameters.append(try this.parameter()) }
        return parameters
    }

    private mutating func parameter() throws(LoadTestError) -> Scenario.Parameter {
        let kind = try peek()
        guard kind == .string else {
            let json = try raw()
            return .literal(json: json, text: kind == .null ? nil : json)
        }
        let start = reader.offset
        let text = try string()
        guard text.hasPrefix("{"), text.hasSuffix("}") else {
            return .literal(json: reader.text(in: start..<reader.offset), text: text)
        }
        let inner = text.dropFirst().dropLast()
        if inner == "key" { return .key }
        let ends = inner.split(separator: ".", omittingEmptySubsequences: true)
        guard inner.contains(".."), ends.count == 2, let low = Int(ends[0]), let high = Int(ends[1]), low <= high else {
            throw fault("\"\(text)\" is neither {key} nor a range such as {1..50}")
        }
        return .number(low...high)
    }

    // MARK: JSON with errors that tell the line

    private mutating func peek() throws(LoadTestError) -> JSONKind {
        do throws(JSONError) { return try reader.peek() } catch { throw fault(error) }
    }

    private mutating func string() throws(LoadTestError) -> String {
        guard try peek() == .string else { throw fault("a string is expected") }
        do throws(JSONError) { return try reader.readString() } catch { throw fault(error) }
    }

    private mutating func flag() throws(LoadTestError) -> Bool {
        guard try peek() == .boolean else { throw fault("true or false is expected") }
        do throws(JSONError) { return try reader.readBool() } catch { throw fault(error) }
    }

    private mutating func number(in range: ClosedRange<Double>) throws(LoadTestError) -> Double {
        guard try peek() == .number else { throw fault("a number is expected") }
        let digits: String
        do throws(JSONError) { digits = try reader.readNumber() } catch { throw fault(error) }
        guard let number = Double(digits), range.contains(number) else {
            throw fault("\(digits) is not from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private mutating func raw() throws(LoadTestError) -> String {
        do throws(JSONError) { return reader.text(in: try reader.skipValue()) } catch { throw fault(error) }
    }

    private mutating func members(
        _ body: (inout ScenarioReader, String) throws(LoadTestError) -> Void
    ) throws(LoadTestError) {
        guard try peek() == .object else { throw fault("an object is expected") }
        var seen: Set<String> = []
        do throws(JSONError) { try reader.beginObject() } catch { throw fault(error) }
        while let name = try nextKey() {
            guard seen.insert(name).inserted else { throw fault("field \"\(name)\" is there twice") }
            try body(&self, name)
        }
    }

    private mutating func nextKey() throws(LoadTestError) -> String? {
        do throws(JSONError) { return try reader.nextKey() } catch { throw fault(error) }
    }

    private mutating func elements(
        _ body: (inout ScenarioReader) throws(LoadTestError) -> Void
    ) throws(LoadTestError) {
        guard try peek() == .array else { throw fault("an array is expected") }
        do throws(JSONError) { try reader.beginArray() } catch { throw fault(error) }
        while try nextElement() { try body(&self) }
    }

    private mutating func nextElement() throws(LoadTestError) -> Bool {
        do throws(JSONError) { return try reader.nextElement() } catch { throw fault(error) }
    }

    private func fault(_ message: String) -> LoadTestError {
        LoadTestError("line \(line(of: reader.offset)): \(message)")
    }

    private func fault(_ error: JSONError) -> LoadTestError {
        LoadTestError("line \(line(of: error.offset)): \(error.reason.rawValue)")
    }

    private func line(of offset: Int) -> Int {
        1 + reader.bytes.prefix(offset).count { $0 == UInt8(ascii: "\n") }
    }
}
