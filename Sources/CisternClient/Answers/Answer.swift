internal import NIOCore

/// An answer that is no error, with its members.
struct Answer {
    let value: CisternValue

    /// - Throws: ``CisternError``: what the server says, or that it says nothing of the protocol.
    init(_ line: ByteBuffer) throws(CisternError) {
        try self.init(CisternValue(parsing: line, failingWith: .badAnswer))
    }

    init(_ value: CisternValue) throws(CisternError) {
        self.value = value
        switch value["ok"] {
        case .bool(true): return
        case .bool(false):
            guard let error = value["error"].flatMap({ CisternError(answer: $0) }) else {
                throw .bad("lacks its error")
            }
            throw error
        default: throw .bad("does not say whether it is ok")
        }
    }

    func optional(_ name: String) -> CisternValue? {
        guard let member = value[name], !member.isNull else { return nil }
        return member
    }

    func string(_ name: String) throws(CisternError) -> String {
        guard let text = value[name]?.string else { throw .bad("lacks \"\(name)\"") }
        return text
    }

    func bool(_ name: String) throws(CisternError) -> Bool {
        guard let bool = value[name]?.bool else { throw .bad("lacks \"\(name)\"") }
        return bool
    }

    func int(_ name: String) throws(CisternError) -> Int {
        guard let int = value[name]?.int else { throw .bad("lacks \"\(name)\"") }
        return int
    }

    func array(_ name: String) throws(CisternError) -> [CisternValue] {
        guard let array = value[name]?.array else { throw .bad("lacks \"\(name)\"") }
        return array
    }

    /// An object inside, read with the same helpers.
    func object(_ name: String) throws(CisternError) -> Answer {
        guard let object = value[name], object.members != nil else { throw .bad("lacks \"\(name)\"") }
        return Answer(inner: object)
    }

    func duration(milliseconds name: String) -> Duration? {
        value[name]?.double.map { .milliseconds($0) }
    }

    /// An object inside an answer.
    init(inner: CisternValue) {
        value = inner
    }
}

extension CisternError {
    /// The member `error` of an answer; nil where it is not one.
    fileprivate init?(answer: CisternValue) {
        guard let code = answer["code"]?.string else { return nil }
        self.init(Code(rawValue: code), answer["message"]?.string ?? "")
        sqlState = answer["sqlstate"]?.string
        detail = answer["detail"]?.string
        hint = answer["hint"]?.string
        position = answer["position"]?.int
        statement = answer["statement"]?.int
    }
}
