import CisternClient
import Foundation
import Testing

struct EncodingTests {
    private struct Cart: Codable, Equatable {
        struct Line: Codable, Equatable {
            var sku: String
            var amount: Decimal
            var note: String?
        }

        var zebra = 1
        var lines = [
            Line(sku: "a\"b\n", amount: Decimal(string: "12345678901234567890.0123456789")!, note: nil),
            Line(sku: "é", amount: 2, note: "x"),
        ]
        var at = Date(timeIntervalSince1970: 1_795_567_580.25)
        var apple = ["k": Data([1, 255])]
        var ratio = 0.1
        var home = URL(string: "https://example.org/")!
        var none: [Int] = []
    }

    @Test func membersKeepTheirOrderAndNumbersTheirDigits() throws {
        let json = try CisternValue.json(Cart()).jsonText
        #expect(
            json == #"""
                {"zebra":1,"lines":[{"sku":"a\"b\n","amount":12345678901234567890.0123456789},{"sku":"é","amount":2,"note":"x"}],"at":"2026-11-25T00:46:20.250000Z","apple":{"k":"\\x01ff"},"ratio":0.1,"home":"https://example.org/","none":[]}
                """#
        )
    }

    @Test func whatIsWrittenIsReadBack() throws {
        let text = try CisternValue.json(Cart()).jsonText
        #expect(try CisternValue(json: text).decode(Cart.self) == Cart())
    }

    @Test func plainValuesAreWritten() throws {
        #expect(try CisternValue.json(true).jsonText == "true")
        #expect(try CisternValue.json(UInt64.max).jsonText == "18446744073709551615")
        #expect(try CisternValue.json(Int?.none).jsonText == "null")
        #expect(try CisternValue.json(Double.infinity) == "Infinity")
        #expect(try CisternValue.json(Float(0.1)).jsonText == "0.1")
        #expect(try CisternValue.json([Set([1])]).jsonText == "[[1]]")
    }

    @Test func valuesAreWrittenAsTheyAre() throws {
        let text = #"{"b":[1.000000000000000000001,null,{"a":"\u0000"}],"a":false,"b":1}"#
        let value = try CisternValue(json: text)
        #expect(value.jsonText == text)
        #expect(try CisternValue.json([value]).jsonText == "[\(text)]")
    }

    @Test func literalsStandForThemselves() {
        let parameters: [CisternValue] = [42, "x", nil, true, 1.5, [1, "two"], ["a": 1, "b": [nil]], "\(1 + 1)"]
        #expect(
            CisternValue.array(parameters).jsonText == #"[42,"x",null,true,1.5,[1,"two"],{"a":1,"b":[null]},"2"]"#
        )
    }

    @Test func valuesPassThroughOtherCoders() throws {
        let value: CisternValue = ["a": [1, 1.5, nil, "x", true]]
        let data = try JSONEncoder().encode(value)
        #expect(try JSONDecoder().decode(CisternValue.self, from: data) == value)
    }

    @Test func classesThatInheritAreWrittenAndRead() throws {
        class Base: Codable {
            var one = 1
        }
        final class Derived: Base {
            var two = 2
            private enum Keys: CodingKey { case two }
            override init() { super.init() }
            required init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Keys.self)
                two = try container.decode(Int.self, forKey: .two)
                try super.init(from: container.superDecoder())
            }
            override func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                try container.encode(two, forKey: .two)
                try super.encode(to: container.superEncoder())
            }
        }
        let value = try CisternValue.json(Derived())
        #expect(value.jsonText == #"{"two":2,"super":{"one":1}}"#)
        #expect(try value.decode(Derived.self).one == 1)
    }
}
