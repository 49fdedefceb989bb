extension ProxyConfiguration {
    /// Reads a configuration file, and the environment over it.
    /// - Parameters:
    ///   - file: the file's path; nil for the defaults and the environment alone.
    ///   - environment: the environment's variables by name; those that are not Cistern's are ignored.
    ///   - checks: what else is looked at.
    /// - Throws: everything that is wrong with either, at once.
    package static func load(
        file: String?,
        environment: [String: String],
        checks: ConnectionChecks = .none
    ) throws(ConfigurationErrors) -> ProxyConfiguration {
        guard let file else {
            return try ProxyConfiguration(parsing: "", fileName: nil, environment: environment, checks: checks)
        }
        let text: String
        do throws(ConfigurationFile.ReadError) {
            text = try ConfigurationFile.text(at: file)
        } catch {
            throw ConfigurationErrors(
                fileName: file,
                [
                    ConfigurationError(
                        line: error.position?.line,
                        column: error.position?.column,
                        key: "",
                        message: error.message
                    )
                ]
            )
        }
        return try ProxyConfiguration(parsing: text, fileName: file, environment: environment, checks: checks)
    }

    /// Reads a configuration from a text, and the environment over it.
    /// - Parameter fileName: what errors name as the place of the text.
    /// - Throws: everything that is wrong with either, at once.
    package init(
        parsing text: String,
        fileName: String?,
        environment: [String: String],
        checks: ConnectionChecks = .none
    ) throws(ConfigurationErrors) {
        var reader = ConfigurationReader()
        let document = TOMLDocument(parsing: text)
        reader.read(document)
        reader.read(environment)
        reader.mergeNamespaces()
        // A line that could not be read may have held what these would find missing.
        if document.errors.isEmpty { reader.check() }
        reader.check(checks)
        guard reader.errors.isEmpty else { throw ConfigurationErrors(fileName: fileName, reader.errors) }
        self = reader.configuration
    }
}
