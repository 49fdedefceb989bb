/// Why a load test cannot begin or go on, for the person who started it.
package struct LoadTestError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
