import Testing

@testable import QueryCache
@testable import QueryProxy

@Suite struct WrittenRelationsTests {
    @Test func namesAreTagsAndStandForEveryTable() {
        let written = WrittenRelations(rows: [["public.products", "false"], ["public.levels", "false"]])
        #expect(written.tables == ["public.levels", "public.products"])
        #expect(written.tags == ProxyTag.changes(to: ["public.products", "public.levels"]))
        #expect(!written.changedSchema && !written.isEmpty)
    }

    @Test func singleRowsLeaveTheRestOfTheirTable() {
        var written = WrittenRelations(rows: [["public.products", "false"]])
        let row = ProxyTag.row(table: "public.products", bucket: 7)
        written.rows = [row]
        #expect(written.tags == [row, .table("public.products"), .anyTable])
        written.tables.append("public.levels")
        #expect(written.tags == ProxyTag.changes(to: ["public.products", "public.levels"]))
        written.isUnknown = true
        #expect(written.tags == [.epoch])
    }

    @Test func nothingWrittenIsNothingInvalidated() {
        let written = WrittenRelations(rows: [])
        #expect(written.isEmpty && written.tags.isEmpty)
    }

    /// A relation that this transaction has dropped has no name any more.
    @Test(arguments: [[nil, "true"], [nil, "false"], [nil, nil], []] as [[String?]])
    func whatHasNoNameIsEverything(row: [String?]) {
        let written = WrittenRelations(rows: [["public.products", "false"], row])
        #expect(written.tags == [.epoch])
    }

    /// A function that replaces a view: nothing that reads the view carries its name.
    @Test(arguments: ["SELECT", "DO", "CALL", "CREATE TABLE"])
    func aLockThatShutsEverybodyOutMayHaveChangedADefinition(command: String) {
        var written = WrittenRelations(rows: [["public.cheap_products", "true"]])
        written.judge(commands: ["INSERT", command], changesSchema: false)
        #expect(written.tags == [.epoch] && written.changedSchema)
    }

    @Test(arguments: [["TRUNCATE TABLE"], ["REFRESH MATERIALIZED VIEW"], ["INSERT", "TRUNCATE TABLE", "UPDATE"]])
    func emptyingATableChangesNoDefinition(commands: [String]) {
        var written = WrittenRelations(rows: [["public.products", "true"]])
        written.judge(commands: commands, changesSchema: false)
        #expect(written.tags == ProxyTag.changes(to: ["public.products"]))
    }

    @Test func whatDefinesSomethingIsEverything() {
        var written = WrittenRelations(rows: [])
        written.judge(commands: ["GRANT"], changesSchema: true)
        #expect(written.tags == [.epoch] && written.changedSchema)
    }

    @Test func ordinaryWritesStayAsTheyAre() {
        var written = WrittenRelations(rows: [["public.products", "false"]])
        written.judge(commands: ["SELECT"], changesSchema: false)
        #expect(written.tables == ["public.products"] && !written.isUnknown && !written.changedSchema)
    }

    @Test func everythingIsEverything() {
        #expect(WrittenRelations.everything.tags == [.epoch] && WrittenRelations.everything.changedSchema)
    }
}
