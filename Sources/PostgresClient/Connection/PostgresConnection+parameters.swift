internal import JSONText

extension PostgresConnection {
    /// The text that each parameter of a script is sent as.
    ///
    /// JSON arrays and objects need their parameter's type, so their steps are prepared and described first, in a round trip
    /// of its own that is paid once per statement and connection.
    func values(
        of script: PostgresScript,
        _ deadline: ContinuousClock.Instant?,
        _ interruption: Interruption
    ) async throws(PostgresError) -> [[String?]] {
        var values: [[String?]] = []
        for index in script.steps.indices {
            let step = script.steps[index]
            var types: [UInt32]?
            if step.needsTypes {
                types = try await parameterTypes(of: step, script, deadline, interruption)
            }
            var texts: [String?] = []
            for (number, parameter) in step.parameters.enumerated() {
                let type = types.flatMap { number < $0.count ? $0[number] : nil }
                do throws(PostgresError) {
                    texts.append(try text(of: parameter, number + 1, type))
                } catch {
                    var error = error
                    error.stepIndex = index
                    throw error
                }
            }
            values.append(texts)
        }
        return values
    }

    /// Nil where the statement cannot be described on its own (it needs what an earlier step of its transaction makes).
    private func parameterTypes(
        of step: PostgresStep,
        _ script: PostgresScript,
        _ deadline: ContinuousClock.Instant?,
        _ interruption: Interruption
    ) async throws(PostgresError) -> [UInt32]? {
        let key = PreparedStatements.Key(sql: step.sql, planKey: step.planKey)
        if let types = prepared.statement(for: key)?.parameterTypes { return types }
        var question = PostgresScript(steps: [])
        question.settings = script.settings
        question.isReadOnly = true
        var exchange = Exchange(script: question, connection: self, deadline: deadline, interruption: interruption)
        exchange.queueDescription(of: step, &prepared)
        do throws(PostgresError) {
            _ = try await exchange.run()
        } catch  where error.code == .server && isUsable {
            try await rollBackIfNeeded()
            if error.isStalePlan { throw error }
            return nil
        }
        guard let types = exchange.describedTypes else { return nil }
        prepared.describe(key, parameterTypes: types)
        let missing = self.types.missing(for: types)
        if !missing.isEmpty { try await load(missing) }
        return types
    }

    private func text(
        of parameter: PostgresParameter,
        _ number: Int,
        _ type: UInt32?
    ) throws(PostgresError) -> String? {
        switch parameter {
        case .null: return nil
        case .text(let text):
            if text.holdsNUL {
                throw .invalid(number, "holds a NUL character, which PostgreSQL has no text for")
            }
            return text
        case .object(let json):
            guard let type, isJSON(type) else {
                throw .invalid(number, "is an object, and its type is not json or jsonb")
            }
            return json
        case .array(let json):
            guard let type else { return try arrayLiteral(json, number, elementIsJSON: false) }
            if isJSON(type) { return json }
            guard let element = elementType(of: type) else {
                throw .invalid(number, "is an array, and its type (\(types[type]?.name ?? "unknown")) is not")
            }
            return try arrayLiteral(json, number, elementIsJSON: isJSON(element))
        }
    }

    private func arrayLiteral(_ json: String, _ number: Int, elementIsJSON: Bool) throws(PostgresError) -> String {
        do throws(ArrayLiteralError) {
            return try ArrayLiteral(json: json, elementIsJSON: elementIsJSON).text
        } catch {
            throw .invalid(number, error.message)
        }
    }

    private func isJSON(_ oid: UInt32) -> Bool {
        switch types[oid]?.form {
        case .json: true
        case .domain(let base): isJSON(base)
        default: false
        }
    }

    private func elementType(of oid: UInt32) -> UInt32? {
        switch types[oid]?.form {
        case .array(let element, _): element
        case .domain(let base): elementType(of: base)
        default: nil
        }
    }
}

extension PostgresStep {
    fileprivate var needsTypes: Bool { parameters.contains(where: \.needsType) }

    /// Whether the connection may have a prepared statement for it, if only to know its parameters' types.
    var mayBePrepared: Bool { isPrepared || needsTypes }
}

extension PostgresParameter {
    fileprivate var needsType: Bool {
        switch self {
        case .null, .text: false
        case .array, .object: true
        }
    }
}

extension PostgresError {
    fileprivate static func invalid(_ number: Int, _ what: String) -> PostgresError {
        PostgresError(.invalidParameter, "parameter $\(number) \(what)")
    }
}
