import Testing

@testable import cistern

@Suite struct WatchdogTests {
    @Test func halfOfWhatIsAllowed() {
        let interval = ServiceManagerService.watchdogInterval
        #expect(interval(["WATCHDOG_USEC": "3000000"], 7) == .milliseconds(1500))
        #expect(interval(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"], 7) == .milliseconds(1500))
        #expect(interval(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"], 7) == nil)
        #expect(interval(["WATCHDOG_USEC": "0"], 7) == nil)
        #expect(interval(["WATCHDOG_USEC": "often"], 7) == nil)
        #expect(interval([:], 7) == nil)
    }

    @Test func onlyWhereAsked() {
        #expect(ServiceManager(environment: [:]) == nil)
        #expect(ServiceManager(environment: ["NOTIFY_SOCKET": "relative"]) == nil)
        #expect(ServiceManager(environment: ["NOTIFY_SOCKET": "/"]) == nil)
        #expect(ServiceManager(environment: ["NOTIFY_SOCKET": "@cistern"]) != nil)
    }
}
