import Testing

@testable import QueryProxy

@Suite struct SchemaSignatureTests {
    static func signature(_ rows: [[String?]], rest: String = "7") -> SchemaSignature {
        SchemaSignature(rows: rows + [["0", rest, "", "", "false"]])
    }

    static let products = ["16400", "11", "public.products", "products", "false"]
    static let view = ["16401", "12", "public.cheap", "cheap", "true"]
    static let partition = ["16402", "13", "public.sales", "sales_2024", "false"]
    static let before = signature([products, view, partition])

    @Test func nothingChanged() {
        #expect(Self.before.change(to: Self.before) == .none)
    }

    @Test(arguments: [
        ([["16400", "99", "public.products", "products", "false"], view, partition], ["public.products"]),
        ([view, partition], ["public.products"]),
        ([["16400", "11", "other.goods", "goods", "false"], view, partition], ["public.products", "other.goods"]),
        ([products, view, ["16402", "99", "public.sales", "sales_2024", "false"]], ["public.sales"]),
        ([products, view, partition, ["16403", "1", "public.sales", "sales_2025", "false"]], ["public.sales"]),
    ])
    func tablesAreNamed(rows: [[String]], tables: [String]) {
        #expect(Self.before.change(to: Self.signature(rows)) == .tables(Set(tables)))
    }

    @Test func aViewOrAFunctionConcernsEverything() {
        let other = ["16401", "99", "public.cheap", "cheap", "true"]
        #expect(Self.before.change(to: Self.signature([Self.products, other, Self.partition])) == .everything)
        #expect(Self.before.change(to: Self.signature([Self.products, Self.partition])) == .everything)
        let rest = Self.signature([Self.products, Self.view, Self.partition], rest: "8")
        #expect(Self.before.change(to: rest) == .everything)
    }

    @Test func aTableThatMayShadowAnotherConcernsEverything() {
        let shadow = ["16500", "1", "tenant.products", "products", "false"]
        #expect(
            Self.before.change(to: Self.signature([Self.products, Self.view, Self.partition, shadow])) == .everything
        )
    }
}
