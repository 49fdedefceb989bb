import Testing

@testable import Sessions

@Suite struct SessionIDTests {
    @Test func noTwoAreAlikeAndEveryCharacterMayStandInAURL() {
        let ids = (0..<2000).map { _ in SessionID() }
        #expect(Set(ids.map(\.text)).count == ids.count)
        #expect(Set(ids.map(\.name)).count == ids.count && Set(ids.map(\.secret)).count == ids.count)
        for id in ids {
            #expect(
                id.text.utf8.count == 44
                    && id.text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) }
            )
            #expect(SessionID(id.text) == id)
        }
    }

    /// Were a bit always the same, the id would hold less than it claims.
    @Test func everyCharacterVaries() {
        let ids = (0..<2000).map { _ in Array(SessionID().text) }
        for place in 0..<44 {
            // The last of each half holds two bits.
            #expect(Set(ids.map { $0[place] }).count == (place % 22 == 21 ? 4 : 64))
        }
    }

    @Test func aSuccessorKeepsTheName() {
        let id = SessionID()
        let successor = id.renewed
        #expect(successor.name == id.name && successor.secret != id.secret)
    }

    @Test(arguments: [
        "", "a", String(repeating: "a", count: 43), String(repeating: "a", count: 45),
        String(repeating: "a", count: 43) + ":", String(repeating: "a", count: 43) + "*",
        String(repeating: "é", count: 22),
        String(repeating: "a", count: 43) + "\0", String(repeating: "a", count: 43) + "\n",
    ])
    func whatIsNoIdIsNone(text: String) {
        #expect(SessionID(text) == nil)
    }

    @Test func isNeverShownInFull() {
        let id = SessionID()
        var dumped = ""
        dump(id, to: &dumped)
        for shown in ["\(id)", String(reflecting: id), String(describing: [id]), dumped] {
            #expect(!shown.contains(id.secret) && !shown.contains(id.name) && shown.contains(id.name.prefix(6)))
        }
    }
}
