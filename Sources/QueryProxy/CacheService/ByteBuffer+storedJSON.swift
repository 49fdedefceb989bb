internal import JSONText
internal import NIOCore

extension ByteBuffer {
    /// An answer is an object around the value, and is read with the usual bound on nesting.
    private static let maximumDepth = 127

    /// Writes a JSON text that anybody may have stored into an answer, byte for byte, but on one line: line ends, which JSON
    /// has between its tokens only, become spaces.
    ///
    /// - Throws: where it is not JSON, which would break the answer that it stands in; nothing is written then.
    mutating func writeStoredJSON(_ text: ByteBuffer) throws(JSONError) {
        let hasLineEnds = try text.checkIsJSON()
        let start = writerIndex
        writeImmutableBuffer(text)
        guard hasLineEnds else { return }
        let length = writerIndex - start
        withUnsafeMutableReadableBytes { bytes in
            for index in (bytes.count - length)..<bytes.count where bytes[index] == 0x0A || bytes[index] == 0x0D {
                bytes[index] = 0x20
            }
        }
    }

    /// - Returns: whether it holds line ends.
    private func checkIsJSON() throws(JSONError) -> Bool {
        let result = withUnsafeReadableBytes { bytes -> Result<Bool, JSONError> in
            do throws(JSONError) {
                try JSONReader.check(bytes, maximumDepth: Self.maximumDepth)
                return .success(bytes.contains { $0 == 0x0A || $0 == 0x0D })
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
