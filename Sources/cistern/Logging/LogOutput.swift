internal import Logging
internal import ProxyConfiguration

extension ProxyConfiguration.Log {
    /// Makes every logger write as configured. Once per process.
    func bootstrap() {
        let level = Logger.Level(rawValue: self.level.rawValue) ?? .info
        let format = self.format
        LoggingSystem.bootstrap { label in
            switch format {
            case .text:
                var handler = StreamLogHandler.standardError(label: label)
                handler.logLevel = level
                return handler
            case .json:
                var handler = JSONLogHandler(label: label)
                handler.logLevel = level
                return handler
            }
        }
    }
}
