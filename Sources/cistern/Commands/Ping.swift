internal import ArgumentParser
internal import CisternClient
internal import JSONText

struct Ping: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Ask whether a server answers.")

    @OptionGroup var options: ServerOptions

    func run() async throws {
        let start = ContinuousClock.now
        let answer = try await options.withConnection { try await $0.send("PING") }
        guard let value = try? JSONValue(parsing: answer), value["pong"]?.bool == true else {
            complain("the server answered \(answer)")
            throw ExitCode.failure
        }
        print("\(options.server) answered in \(start.duration(to: .now).shownInMilliseconds)")
    }
}
