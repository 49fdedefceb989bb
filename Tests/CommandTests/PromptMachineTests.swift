import Testing

@testable import cistern

@Suite struct PromptMachineTests {
    private static var machine: PromptMachine { PromptMachine(isJSON: false, isStrict: false, namespace: nil) }

    @Test func aStatementOverSeveralLines() {
        var machine = Self.machine
        #expect(machine.prompt == "cistern=> ")
        #expect(machine.read("SELECT 1,") == [])
        #expect(machine.prompt == "cistern-> ")
        #expect(machine.read("  '") == [])
        #expect(machine.prompt == "cistern'> ")
        #expect(machine.read("\\q'; SELECT 2; SEL") == [.run("SELECT 1,\n  '\n\\q'"), .run("SELECT 2")])
        #expect(machine.prompt == "cistern-> ")
        machine.interrupted()
        #expect(machine.prompt == "cistern=> ")
        #expect(machine.read("SELECT 3;") == [.run("SELECT 3")])
    }

    @Test(arguments: ["\\q", "  \\quit", "quit", "EXIT;", "exit ;"])
    func ends(line: String) {
        var machine = Self.machine
        #expect(machine.read(line) == [.quit])
    }

    @Test func explain() {
        var machine = Self.machine
        #expect(machine.read("\\explain") == [.show("\\explain needs a statement")])
        #expect(machine.read("\\explain SELECT 1;") == [.explain("SELECT 1")])
        _ = machine.read("SELECT 2;")
        #expect(machine.read("\\explain") == [.explain("SELECT 2")])
    }

    @Test func flags() {
        var machine = Self.machine
        #expect(machine.read("\\timing") == [.show("timing: off")])
        #expect(!machine.showsTime)
        #expect(machine.read("\\timing on") == [.show("timing: on")])
        #expect(machine.read("\\timing maybe") == [.show("on or off")])
        #expect(machine.showsTime)
        _ = machine.read("\\ns products")
        #expect(machine.namespace == "products")
        _ = machine.read("\\ns")
        #expect(machine.namespace == nil)
        _ = machine.read("\\strict")
        _ = machine.read("\\json")
        #expect(machine.isStrict && machine.isJSON)
        #expect(machine.read("\\stats") == [.statistics])
        #expect(machine.read("\\nonsense") == [.show("\\nonsense is not known; \\? shows what is")])
        #expect(machine.read("") == [])
        #expect(machine.read(";") == [])
    }

    @Test func whereTheHistoryIs() {
        #expect(PromptHistory.path(environment: ["CISTERN_HISTORY": "/h", "HOME": "/home/x"]) == "/h")
        #expect(PromptHistory.path(environment: ["CISTERN_HISTORY": "", "HOME": "/home/x"]) == nil)
        #expect(PromptHistory.path(environment: ["HOME": "/home/x"]) == "/home/x/.cistern_history")
        #expect(PromptHistory.path(environment: ["XDG_STATE_HOME": "relative", "HOME": "/x"]) == "/x/.cistern_history")
        #expect(PromptHistory.path(environment: [:]) == nil)
    }
}
