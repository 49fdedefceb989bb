import FuzzSupport
import JSONText

// Any bytes. A trap is a finding, and so is a property that does not hold:
//
// - What is read is written as a text that is read as the same value, and that text is written as itself.
// - Stepping over a text accepts what reading it accepts, and more only where an escape stands for half a character.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = FuzzInput(start, count)
    input.bytes.withUnsafeBytes { bytes in
        let read = parse(bytes)
        if case .success(let value) = read { checkWriting(value) }
        checkStepping(bytes, against: read)
    }
    return 0
}

private func parse(_ bytes: UnsafeRawBufferPointer) -> Result<JSONValue, JSONError> {
    do throws(JSONError) {
        return .success(try JSONValue(parsing: bytes, maximumDepth: 16))
    } catch {
        return .failure(error)
    }
}

private func checkWriting(_ value: JSONValue) {
    let text = value.jsonText
    let again = Array(text.utf8).withUnsafeBytes { parse($0) }
    guard case .success(let other) = again else { fatalError("what was written is not read: \(text)") }
    check(other == value, "what was written is read as something else")
    // Swift compares texts by characters: their bytes must be the same too.
    check(other.jsonText.utf8.elementsEqual(text.utf8), "what was written is written differently")
}

private func checkStepping(_ bytes: UnsafeRawBufferPointer, against read: Result<JSONValue, JSONError>) {
    // Stepping leaves the encoding to its caller.
    guard JSONReader.isValidUTF8(bytes) else {
        if case .success = read { fatalError("read what is not UTF-8") }
        return
    }
    var reader = JSONReader(bytes, maximumDepth: 16)
    let stepping: Result<Range<Int>, JSONError>
    do throws(JSONError) {
        let range = try reader.skipValue()
        try reader.finish()
        stepping = .success(range)
    } catch {
        stepping = .failure(error)
    }
    check(reader.offset <= bytes.count, "the reader stands behind the end")
    switch (read, stepping) {
    case (.success, .success(let range)):
        check(range.upperBound <= bytes.count && !range.isEmpty, "a value has no text")
    case (.failure(let error), .success):
        check(error.reason == .invalidEscape, "stepped over what is refused: \(error)")
    case (.success, .failure(let error)):
        fatalError("read what is not stepped over: \(error)")
    case (.failure, .failure):
        break
    }
}
