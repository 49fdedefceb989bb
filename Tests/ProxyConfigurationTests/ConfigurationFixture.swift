@testable import ProxyConfiguration

/// The configuration of a text and an environment.
func parsed(
    _ text: String,
    _ environment: [String: String] = [:]
) throws(ConfigurationErrors) -> ProxyConfiguration {
    try ProxyConfiguration(parsing: text, fileName: "proxy.conf", environment: environment)
}

/// The lines that a wrong configuration is refused with; empty when it is not.
func mistakes(_ text: String, _ environment: [String: String] = [:]) -> [String] {
    do throws(ConfigurationErrors) {
        _ = try parsed(text, environment)
        return []
    } catch {
        return error.description.split(separator: "\n").map(String.init)
    }
}
