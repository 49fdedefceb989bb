internal import ArgumentParser
internal import JSONText

struct Ping: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Ask whether a server answers.")

    @OptionGroup var options: ServerOptions

    func run() async throws {
        let start = ContinuousClock.now
        let address = try? options.address
        try await options.run(asking: #"{"op":"ping"}"#) { answer in
            guard answer.value["pong"]?.bool == true else {
                throw CommandFailure("the server answered \(answer.text)", .protocolError)
            }
            let time = start.duration(to: .now).shownInMilliseconds
            StandardOutput.line("\(address.map { "\($0)" } ?? "the server") answered in \(time)")
        }
    }
}
