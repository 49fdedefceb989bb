/// How deep a statement's tree can be at most, told from its tokens alone.
///
/// PostgreSQL's parser keeps its own stack on the heap, but whatever walks the tree afterwards recurses, in C and
/// here. A hostile text (a million `(`, `1+1+1+…`) would run through any stack, so the depth is bounded before
/// anything recurses.
///
/// Two things deepen a tree: brackets (and CASE … END, which work like a pair), and operators in a row,
/// because `a + b + c` is `(a + b) + c`. A comma, AND, OR and the start of a clause end such a run: their operands
/// stand side by side in one list. Joins and set operations form runs of their own which nothing but the closing
/// bracket ends. The bound is generous: most keywords count as operators.
///
/// A word that ends a run is trusted only where it can be nothing else. It must be reserved, and not stand behind a
/// dot, where every word is a name; the AND of a BETWEEN ends nothing; an END without a CASE in the same brackets
/// closes nothing, since `SELECT 1 end` names a column.
struct Nesting {
    private struct Level {
        var run = 0
        var chain = 0
        var betweens = 0
        var isCase = false
    }

    /// Levels, each a handful of frames of whatever walks the tree.
    private(set) var maximum = 0
    private var current = 0
    private var open = [Level()]

    /// What a bracket costs: a subselect in parentheses is several nodes deep.
    private static let bracket = 4

    init(_ tokens: [Token], in text: SQLText) {
        var isBehindDot = false
        for token in tokens {
            if !isBehindDot || !token.isKeyword { add(token, text) }
            isBehindDot = token.isCharacter(".")
            maximum = max(maximum, current)
        }
    }

    private mutating func add(_ token: Token, _ text: SQLText) {
        if token.isKeyword {
            addKeyword(SmallWord(text.bytes(of: token)))
            return
        }
        switch token.symbol {
        case Int(UInt8(ascii: "(")), Int(UInt8(ascii: "[")): descend()
        case Int(UInt8(ascii: ")")), Int(UInt8(ascii: "]")):
            while open[open.count - 1].isCase { ascend() }
            ascend()
        case Int(UInt8(ascii: ",")): endRun()
        case Int(UInt8(ascii: ".")): break
        case ..<256: extendRun()
        case Token.Symbol.identifier...Token.Symbol.hexadecimalString, Token.Symbol.integer, Token.Symbol.parameter:
            break
        default: extendRun()
        }
    }

    private mutating func addKeyword(_ word: SmallWord) {
        switch word {
        case "case": descend(isCase: true)
        case "end": if open[open.count - 1].isCase { ascend() } else { extendRun() }
        case "union", "except", "intersect", "join":
            endRun()
            open[open.count - 1].chain += 1
            current += 1
        case "between":
            open[open.count - 1].betweens += 1
            extendRun()
        case "and":
            if open[open.count - 1].betweens > 0 {
                open[open.count - 1].betweens -= 1
                extendRun()
            } else {
                endRun()
            }
        case "or", "when", "then", "else", "select", "where", "on", "group", "order", "having", "limit": endRun()
        default: extendRun()
        }
    }

    private mutating func descend(isCase: Bool = false) {
        open.append(Level(isCase: isCase))
        current += Self.bracket
    }

    /// The bracket as a whole is one more operand: `x[1][2]` nests like operators do.
    private mutating func ascend() {
        guard open.count > 1, let closed = open.popLast() else { return }
        current -= closed.run + closed.chain + Self.bracket
        extendRun()
    }

    private mutating func extendRun() {
        open[open.count - 1].run += 1
        current += 1
    }

    private mutating func endRun() {
        current -= open[open.count - 1].run
        open[open.count - 1].run = 0
    }
}
