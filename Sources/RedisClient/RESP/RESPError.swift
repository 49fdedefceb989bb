/// Bytes that are not the Redis protocol, or more of it than the limits allow. The stream cannot be followed further.
package enum RESPError: Error, Sendable, Equatable, CustomStringConvertible {
    case unknownType(UInt8)
    case malformedLine
    case malformedLength
    case malformedInteger
    case malformedDouble
    case malformedBoolean
    case malformedNull
    case malformedBigNumber
    case malformedVerbatim
    case missingTerminator
    case lineTooLong
    case bulkTooLong
    case tooManyElements
    case tooDeep
    case nestedPush

    package var description: String {
        switch self {
        case .unknownType(let byte): "no RESP type begins with the byte \(byte)"
        case .malformedLine: "a line does not end with CR LF"
        case .malformedLength: "a length is not a number"
        case .malformedInteger: "an integer is not a 64-bit number"
        case .malformedDouble: "a double is not a number"
        case .malformedBoolean: "a boolean is neither t nor f"
        case .malformedNull: "a null is not empty"
        case .malformedBigNumber: "a big number is not made of digits"
        case .malformedVerbatim: "a verbatim string has no format"
        case .missingTerminator: "a bulk string does not end with CR LF"
        case .lineTooLong: "a line is too long"
        case .bulkTooLong: "a bulk string is too long"
        case .tooManyElements: "a reply has too many elements"
        case .tooDeep: "a reply is nested too deeply"
        case .nestedPush: "a push message stands inside another value"
        }
    }
}
