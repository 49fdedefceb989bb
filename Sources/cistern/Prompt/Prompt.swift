internal import Foundation

/// Statements typed at a terminal, one after another.
struct Prompt {
    /// How soon Ctrl-C is noticed while a statement runs.
    private static let glance = Duration.milliseconds(20)

    private enum Outcome {
        case answer(String, Duration)
        case failure(CommandFailure)
        case interrupted
    }

    private var connection: ServerConnection
    private let options: StatementOptions
    private let paint: Paint
    private let editor: LineEditor
    private var machine: PromptMachine

    init(connection: ServerConnection, options: StatementOptions, paint: Paint, isJSON: Bool, editor: LineEditor) {
        self.connection = connection
        self.options = options
        self.paint = paint
        self.editor = editor
        machine = PromptMachine(isJSON: isJSON, isStrict: options.strict, namespace: options.ns)
    }

    /// Runs until the person has had enough. A failed statement is said, and the next one can be typed.
    mutating func run() async {
        StandardOutput.line("cistern \(Cistern.version) at \(connection.address). \\? helps, \\q ends.")
        reading: while true {
            switch await editor.read(prompt: machine.prompt) {
            case .ended:
                StandardOutput.line("\\q")
                break reading
            case .interrupted:
                machine.interrupted()
                StandardOutput.line("^C")
            case .line(let line):
                editor.remember(line)
                for action in machine.read(line) {
                    if action == .quit { break reading }
                    await perform(action)
                }
            }
        }
        editor.save()
        await connection.close()
    }

    private mutating func perform(_ action: PromptMachine.Action) async {
        switch action {
        case .quit: break
        case .show(let text): StandardOutput.line(text)
        case .statistics: await ask(#"{"op":"stats"}"#) { answer, _ in StatisticsText.text(of: answer) }
        case .explain(let sql):
            await ask(request("explain", sql)) { answer, _ in ExplanationText.text(of: answer) }
        case .run(let sql):
            let paint = paint
            let showsTime = machine.showsTime
            await ask(request("query", sql)) { answer, time in
                ResultText(answer, paint: paint).text(time: showsTime ? time : nil)
            }
        }
    }

    private func request(_ operation: String, _ sql: String) -> String {
        var options = options
        options.ns = machine.namespace
        options.strict = machine.isStrict
        return options.request(operation, sql)
    }

    private mutating func ask(_ line: String, _ show: (Answer, Duration) -> String) async {
        switch await outcome(of: line) {
        case .answer(let text, let time):
            if machine.isJSON { return StandardOutput.line(text) }
            do {
                StandardOutput.write(show(try Answer(text), time))
            } catch {
                complain(error.message)
            }
        case .failure(let failure):
            complain(failure.message)
            await reconnect()
        case .interrupted:
            StandardOutput.line("^C given up")
            await reconnect()
        }
    }

    /// Waits for the answer, or for Ctrl-C. A server whose client has gone cancels what it did for it.
    private func outcome(of line: String) async -> Outcome {
        let connection = connection
        let interruptions = LineEditor.interruptionCount
        return await withTaskGroup(of: Outcome.self) { group in
            group.addTask {
                let start = ContinuousClock.now
                do {
                    let text = try await connection.ask(line)
                    return .answer(text, start.duration(to: .now))
                } catch {
                    return .failure(error as? CommandFailure ?? CommandFailure("\(error)"))
                }
            }
            group.addTask {
                while LineEditor.interruptionCount == interruptions, !Task.isCancelled {
                    try? await Task.sleep(for: Self.glance)
                }
                return .interrupted
            }
            let first = await group.next() ?? .interrupted
            if case .interrupted = first { await connection.close() }
            group.cancelAll()
            return first
        }
    }

    private mutating func reconnect() async {
        await connection.close()
        do {
            connection = try await ServerConnection.open(connection.address)
        } catch {
            complain((error as? CommandFailure)?.message ?? "\(error)")
        }
    }
}
