/// Colours, where the reader is a terminal that wants them (<https://no-color.org>).
struct Paint: Sendable {
    enum Style: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case reversed = "7"
    }

    let isOn: Bool

    static let none = Paint(isOn: false)

    init(isOn: Bool) {
        self.isOn = isOn
    }

    init(isTerminal: Bool, environment: [String: String]) {
        let isRefused = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
        isOn = isTerminal && !isRefused && environment["TERM"] != "dumb"
    }

    func callAsFunction(_ style: Style, _ text: String) -> String {
        isOn && !text.isEmpty ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }
}
