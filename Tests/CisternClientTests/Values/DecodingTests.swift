import CisternClient
import Foundation
import Testing

struct DecodingTests {
    private struct Product: Decodable, Equatable {
        let id: Int64
        let name: String
        let basePrice: Decimal
        let tags: [String]
        let updatedAt: Date
        let description: String?
    }

    private func value(_ json: String) throws -> CisternValue {
        try CisternValue(json: json)
    }

    @Test func anObjectIsReadByTheNamesOfItsKeys() throws {
        let json = """
            {"id":42,"name":"Café","base_price":12.50,"tags":["food","line-2"],
             "updated_at":"2024-01-01T07:42:00.25+00:00","description":null}
            """
        let product = try value(json).decode(Product.self)
        #expect(product.id == 42)
        #expect(product.name == "Café")
        #expect(product.basePrice == Decimal(string: "12.50"))
        #expect(product.tags == ["food", "line-2"])
        #expect(product.updatedAt == Date(timeIntervalSince1970: 1_704_094_920.25))
        #expect(product.description == nil)
    }

    @Test func aKeyOfTheExactNameGoesBeforeOneInSnakeCase() throws {
        struct Both: Decodable {
            let basePrice: Int
        }
        #expect(try value(#"{"base_price":1,"basePrice":2}"#).decode(Both.self).basePrice == 2)
    }

    @Test(arguments: [
        ("basePrice", "base_price"), ("organizationID", "organization_id"), ("id", "id"), ("URLPath", "url_path"),
        ("base_price", "base_price"), ("x1Y", "x1_y"),
    ])
    func keysBecomeSnakeCase(key: String, column: String) throws {
        struct AnyKey: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }
        struct Probe: Decodable {
            let names: [String]
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: AnyKey.self)
                names = ["basePrice", "organizationID", "id", "URLPath", "base_price", "x1Y"].filter {
                    container.contains(AnyKey(stringValue: $0))
                }
            }
        }
        #expect(try value("{\"\(column)\":1}").decode(Probe.self).names.contains(key))
    }

    @Test(arguments: [
        "12345678901234567890.123456789012345678", "0.10000000000000000000000000000000000001", "-3", "1e5", "0",
        "00000.5".replacing("0000", with: ""),
    ])
    func numericsKeepTheirDigits(digits: String) throws {
        let read = try value(digits)
        #expect(try read.decode(String.self) == digits)
        #expect(try read.decode(Decimal.self) == Decimal(string: digits))
        #expect(read.jsonText == digits)
    }

    @Test func whatDoesNotFitIsAnErrorAndNotRounded() throws {
        let long = "123456789012345678901234567890123456789.5"
        #expect(throws: CisternError.self) { try value(long).decode(Decimal.self) }
        #expect(try value(long).decode(String.self) == long)
        #expect(throws: CisternError.self) { try value("1.5").decode(Int.self) }
        #expect(throws: CisternError.self) { try value("300").decode(UInt8.self) }
        #expect(throws: CisternError.self) { try value("9223372036854775808").decode(Int.self) }
        #expect(try value("9223372036854775808").decode(UInt64.self) == 9_223_372_036_854_775_808)
    }

    @Test func theErrorNamesThePath() throws {
        struct Outer: Decodable {
            struct Inner: Decodable { let price: Int }
            let items: [Inner]
        }
        let json = #"{"items":[{"price":1},{"price":"two"}]}"#
        let error = #expect(throws: CisternError.self) { try value(json).decode(Outer.self) }
        #expect(error?.code == .decoding)
        #expect(error?.message == "items.1.price: expected an integer, found a string")
        let missing = #expect(throws: CisternError.self) { try value(#"{"items":[{}]}"#).decode(Outer.self) }
        #expect(missing?.message == "items.0: there is no \"price\"")
        let null = #expect(throws: CisternError.self) { try value(#"{"items":null}"#).decode(Outer.self) }
        #expect(null?.message == "items: expected an array, found null")
    }

    @Test func notANumberAndTheInfinitiesAreRead() throws {
        #expect(try value(#""NaN""#).decode(Double.self).isNaN)
        #expect(try value(#""-Infinity""#).decode(Double.self) == -.infinity)
        #expect(try value(#""NaN""#).decode(Decimal.self).isNaN)
        #expect(throws: CisternError.self) { try value(#""Infinity""#).decode(Int.self) }
    }

    @Test func bytesUUIDsAndURLsAreRead() throws {
        #expect(try value(#""\\x48690aFF""#).decode(Data.self) == Data([0x48, 0x69, 0x0A, 0xFF]))
        #expect(try value(#""SGk=""#).decode(Data.self) == Data("Hi".utf8))
        #expect(throws: CisternError.self) { try value(#""\\x486""#).decode(Data.self) }
        let uuid = UUID()
        #expect(try value("\"\(uuid.uuidString.lowercased())\"").decode(UUID.self) == uuid)
        #expect(try value(#""https://example.org/a""#).decode(URL.self) == URL(string: "https://example.org/a"))
    }

    @Test func whatIsNoJSONIsAnError() {
        for text in ["", "{", "[1,]", "01", "{\"a\":1}x", "\"\u{1}\"", "nul"] {
            #expect(throws: CisternError.self) { try CisternValue(json: text) }
        }
    }
}

struct TimestampTests {
    @Test(arguments: [
        ("2026-11-25T00:46:20.181765+00:00", 1_795_567_580.181765),
        ("2026-11-25T01:46:20.181765+01:00", 1_795_567_580.181765),
        ("2026-11-25T00:46:20Z", 1_795_567_580), ("2026-11-25T00:46:20", 1_795_567_580), ("2026-11-25", 1_795_564_800),
        ("1970-01-01", 0), ("2000-02-29", 951_782_400), ("1969-12-31T23:59:59.5", -0.5),
        ("0001-01-01", -62_135_596_800), ("1900-03-01T00:00:00-03:30", -2_203_878_600),
        ("1890-01-01T00:00:00+00:19:32", -2_524_522_772), ("10000-01-01", 253_402_300_800),
        ("0001-12-31T23:59:59+00:00 BC", -62_135_596_801), ("0044-03-15 BC", -63_517_824_000),
    ])
    func timestampsAreRead(text: String, seconds: Double) throws {
        let date = try CisternValue.string(text).decode(Date.self)
        #expect(abs(date.timeIntervalSince1970 - seconds) < 0.000_001)
    }

    @Test(arguments: [
        "infinity", "0000-03-15 BC", "0000-01-01", "2026-13-01", "2026-02-29", "2026-11-25T", "2026-11-25T25:00:00",
        "2026-1-1", "",
        "2026-11-25T00:46:20+", "2026-11-25T00:46:20.", "2026-11-25T00:46:20Zx", "é026-11-25", "99999999-01-01",
    ])
    func whatIsNoTimestampIsAnError(text: String) {
        #expect(throws: CisternError.self) { try CisternValue.string(text).decode(Date.self) }
    }

    @Test func datesAreWrittenAndReadBack() throws {
        for day in stride(from: -800_000.0, to: 3_000_000, by: 997.37) {
            let date = Date(timeIntervalSince1970: (day * 86_400).rounded())
            #expect(try CisternValue.date(date).decode(Date.self) == date)
        }
        #expect(CisternValue.date(Date(timeIntervalSince1970: 1_795_567_580.5)) == "2026-11-25T00:46:20.500000Z")
        #expect(CisternValue.date(.distantPast) == "0001-12-30T00:00:00.000000Z BC")
    }
}
