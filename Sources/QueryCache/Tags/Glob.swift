/// A pattern as Redis has it: `*`, `?`, `[abc]`, `[a-c]`, `[^a]`, and `\` before a character that stands for itself.
///
/// Works on bytes, as Redis does; matching is linear in the text for each `*` (it goes back only to the last one).
package struct Glob: Sendable {
    fileprivate enum Element: Sendable {
        case byte(UInt8)
        case any
        case many
        case oneOf([ClosedRange<UInt8>], isNegated: Bool)
    }

    private let elements: [Element]

    package static func isPattern(_ text: String) -> Bool {
        text.utf8.contains { "*?[\\".utf8.contains($0) }
    }

    package init(_ pattern: String) {
        var elements: [Element] = []
        let bytes = Array(pattern.utf8)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "*"):
                if case .many? = elements.last { continue }
                elements.append(.many)
            case UInt8(ascii: "?"): elements.append(.any)
            case UInt8(ascii: "["): elements.append(Self.set(bytes, &index))
            case UInt8(ascii: "\\") where index < bytes.count:
                elements.append(.byte(bytes[index]))
                index += 1
            default: elements.append(.byte(byte))
            }
        }
        self.elements = elements
    }

    /// Reads a set from behind its `[` to behind its `]` (or the end, where Redis lets it end too).
    private static func set(_ bytes: [UInt8], _ index: inout Int) -> Element {
        var ranges: [ClosedRange<UInt8>] = []
        let isNegated = index < bytes.count && bytes[index] == UInt8(ascii: "^")
        if isNegated { index += 1 }
        while index < bytes.count, bytes[index] != UInt8(ascii: "]") {
            if bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count { index += 1 }
            let first = bytes[index]
            index += 1
            if index + 1 < bytes.count, bytes[index] == UInt8(ascii: "-") {
                let last = bytes[index + 1]
                ranges.append(min(first, last)...max(first, last))
                index += 2
            } else {
                ranges.append(first...first)
            }
        }
        index += 1
        return .oneOf(ranges, isNegated: isNegated)
    }

    /// Whether everything that it matches begins with one namespace (`products:*`, not `*` or `p*:1`).
    package var namesNamespace: Bool {
        for element in elements {
            guard case .byte(let byte) = element else { return false }
            if byte == UInt8(ascii: ":") { return true }
        }
        return false
    }

    package func matches(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { matches($0) }
    }

    private func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var element = 0
        var position = 0
        var lastMany: (element: Int, position: Int)?
        while position < text.count {
            if element < elements.count, case .many = elements[element] {
                lastMany = (element, position)
                element += 1
            } else if element < elements.count, elements[element].matches(text[position]) {
                element += 1
                position += 1
            } else if let (manyElement, manyPosition) = lastMany {
                lastMany = (manyElement, manyPosition + 1)
                element = manyElement + 1
                position = manyPosition + 1
            } else {
                return false
            }
        }
        while element < elements.count, case .many = elements[element] { element += 1 }
        return element == elements.count
    }
}

extension Glob.Element {
    fileprivate func matches(_ byte: UInt8) -> Bool {
        switch self {
        case .byte(let own): own == byte
        case .any: true
        case .many: false
        case .oneOf(let ranges, let isNegated): ranges.contains { $0.contains(byte) } != isNegated
        }
    }
}
