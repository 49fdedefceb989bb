internal import Logging
internal import ProxyConfiguration
internal import Synchronization

/// How log lines are written, and from which level on. A reload changes both for loggers that exist.
final class LogOutput: Sendable {
    /// One component's level, shared by all its loggers.
    final class Threshold: Sendable {
        private let number: Atomic<Int>

        init(_ level: Logger.Level) {
            number = Atomic(level.number)
        }

        var level: Logger.Level {
            get { Logger.Level.allCases[number.load(ordering: .relaxed)] }
            set { number.store(newValue.number, ordering: .relaxed) }
        }
    }

    private let settings: Mutex<ProxyConfiguration.Log>
    private let thresholds: [ProxyConfiguration.Log.Component: Threshold]
    private let json: Atomic<Bool>

    init(_ settings: ProxyConfiguration.Log) {
        self.settings = Mutex(settings)
        json = Atomic(settings.format == .json)
        thresholds = Dictionary(
            uniqueKeysWithValues: ProxyConfiguration.Log.Component.allCases.map {
                ($0, Threshold(settings.level(of: $0)))
            }
        )
    }

    /// Makes every logger write here. Once per process.
    func bootstrap() {
        LoggingSystem.bootstrap { self.handler(label: $0) }
    }

    func reload(_ settings: ProxyConfiguration.Log) {
        self.settings.withLock { $0 = settings }
        json.store(settings.format == .json, ordering: .relaxed)
        for (component, threshold) in thresholds { threshold.level = settings.level(of: component) }
    }

    var isJSON: Bool { json.load(ordering: .relaxed) }

    func logger(_ component: ProxyConfiguration.Log.Component) -> Logger {
        Logger(label: component.rawValue)
    }

    /// A label that is no component's is one of a library's own; it has the level of `main`.
    func handler(label: String) -> OutputLogHandler {
        let component = ProxyConfiguration.Log.Component(rawValue: label) ?? .main
        return OutputLogHandler(label: label, output: self, threshold: thresholds[component] ?? Threshold(.info))
    }
}

extension ProxyConfiguration.Log {
    fileprivate func level(of component: Component) -> Logger.Level {
        Logger.Level(rawValue: (levels[component] ?? level).rawValue) ?? .info
    }
}

extension Logger.Level {
    fileprivate var number: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
