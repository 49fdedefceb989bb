/// How a part is doing, in words for people and figures for programs.
package struct HealthReport: Sendable, Equatable {
    package enum Status: String, Sendable {
        case healthy
        case unhealthy
        /// There is no such part in this configuration.
        case disabled
    }

    package enum Figure: Sendable, Equatable {
        case text(String)
        case integer(Int)
        case real(Double)
        case flag(Bool)
        case list([String])
    }

    package var status: Status
    /// What is wrong, in a sentence; nil where nothing is.
    package var error: String?
    /// In the order in which they are shown.
    package var figures: [(name: String, value: Figure)]

    package init(_ status: Status, error: String? = nil, figures: [(name: String, value: Figure)] = []) {
        self.status = status
        self.error = error
        self.figures = figures
    }

    package static func == (left: HealthReport, right: HealthReport) -> Bool {
        left.status == right.status && left.error == right.error
            && left.figures.elementsEqual(right.figures) { $0.name == $1.name && $0.value == $1.value }
    }
}
