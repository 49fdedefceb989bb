internal import JSONText
internal import QueryProxy

extension RequestObject {
    mutating func string(_ name: String) throws(RequestFieldError) -> String? {
        guard let member = take(name) else { return nil }
        guard member.kind == .string else { throw RequestFieldError(name, must: "a string") }
        return try decode(member.range, of: name)
    }

    mutating func bool(_ name: String) throws(RequestFieldError) -> Bool? {
        guard let member = take(name) else { return nil }
        guard member.kind == .boolean else { throw RequestFieldError(name, must: "true or false") }
        return text(member.range) == "true"
    }

    /// A finite number, zero or more.
    mutating func number(_ name: String) throws(RequestFieldError) -> Double? {
        guard let member = take(name) else { return nil }
        guard member.kind == .number, let number = Double(text(member.range)), number.isFinite, number >= 0 else {
            throw RequestFieldError(name, must: "a number of zero or more")
        }
        return number
    }

    /// A whole number of at least `minimum`, however it is written (`1000`, `1e3`).
    mutating func integer(_ name: String, minimum: Int) throws(RequestFieldError) -> Int? {
        guard let member = take(name) else { return nil }
        guard member.kind == .number, let number = Double(text(member.range)), number >= Double(minimum),
            number <= 9_007_199_254_740_992, let whole = Int(exactly: number)
        else { throw RequestFieldError(name, must: "a whole number of at least \(minimum)") }
        return whole
    }

    mutating func strings(_ name: String) throws(RequestFieldError) -> [String]? {
        guard let elements = try elements(of: name, must: "an array of strings") else { return nil }
        var strings: [String] = []
        for element in elements {
            guard element.kind == .string else { throw RequestFieldError(name, must: "an array of strings") }
            let text = try decode(element.range, of: name)
            if text.isEmpty || text.holdsNUL {
                throw RequestFieldError("field \"\(name)\" holds an empty string or a NUL character")
            }
            strings.append(text)
        }
        return strings
    }

    mutating func parameters(_ name: String) throws(RequestFieldError) -> [QueryParameter]? {
        guard let elements = try elements(of: name, must: "an array") else { return nil }
        var parameters: [QueryParameter] = []
        parameters.reserveCapacity(elements.count)
        for element in elements {
            switch element.kind {
            case .null: parameters.append(.null)
            case .string: parameters.append(.text(try decode(element.range, of: name)))
            case .number, .boolean: parameters.append(.text(text(element.range)))
            case .array: parameters.append(.array(json: text(element.range)))
            case .object: parameters.append(.object(json: text(element.range)))
            }
        }
        return parameters
    }

    /// Names in lower case, as PostgreSQL compares them, in the order of the names.
    mutating func settings(_ name: String) throws(RequestFieldError) -> [QuerySetting]? {
        guard let member = take(name) else { return nil }
        guard member.kind == .object else { throw RequestFieldError(name, must: "an object") }
        var settings: [QuerySetting] = []
        var entries: [Member] = []
        let inner = try RequestObject(slice(member.range)) { entries.append($0) }
        for entry in entries {
            let value: String
            switch entry.kind {
            case .string: value = try inner.decode(entry.range, of: name)
            case .number, .boolean: value = inner.text(entry.range)
            case .null, .array, .object:
                throw RequestFieldError("setting \"\(entry.name)\" must be a string, a number, true or false")
            }
            let setting = QuerySetting(name: entry.name.lowercased(), value: value)
            if settings.contains(where: { $0.name == setting.name }) {
                throw RequestFieldError("setting \"\(entry.name)\" is there twice")
            }
            settings.append(setting)
        }
        return settings.sorted { $0.name < $1.name }
    }

    /// The raw texts of an array of objects.
    mutating func objects(_ name: String) throws(RequestFieldError) -> [UnsafeRawBufferPointer]? {
        guard let elements = try elements(of: name, must: "an array of objects") else { return nil }
        guard elements.allSatisfy({ $0.kind == .object }) else {
            throw RequestFieldError(name, must: "an array of objects")
        }
        return elements.map { slice($0.range) }
    }

    private mutating func elements(
        of name: String,
        must what: String
    ) throws(RequestFieldError) -> [(kind: JSONKind, range: Range<Int>)]? {
        guard let member = take(name) else { return nil }
        guard member.kind == .array else { throw RequestFieldError(name, must: what) }
        do throws(JSONError) {
            var elements: [(kind: JSONKind, range: Range<Int>)] = []
            var reader = JSONReader(slice(member.range))
            try reader.beginArray()
            while try reader.nextElement() {
                let kind = try reader.peek()
                let range = try reader.skipValue()
                let start = member.range.lowerBound
                elements.append((kind, (start + range.lowerBound)..<(start + range.upperBound)))
            }
            return elements
        } catch {
            throw RequestFieldError("field \"\(name)\": \(error.reason.rawValue)")
        }
    }

    func decode(_ range: Range<Int>, of name: String) throws(RequestFieldError) -> String {
        do throws(JSONError) {
            var reader = JSONReader(slice(range))
            return try reader.readString()
        } catch {
            throw RequestFieldError("field \"\(name)\": \(error.reason.rawValue)")
        }
    }
}
