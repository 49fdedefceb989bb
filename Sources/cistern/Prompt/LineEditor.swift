internal import CLibEdit
internal import Foundation
internal import Synchronization

/// Reads lines at a terminal with libedit: cursor keys, search, and a history that outlives the process.
///
/// libedit waits for keys with the thread that it is called on, so that is one of its own. Ctrl-C must reach that thread to
/// interrupt its wait: a signal goes to whichever thread the system picks, which hands it on.
final class LineEditor: Sendable {
    enum Input: Sendable {
        case line(String)
        /// Ctrl-C: what has been typed is given up.
        case interrupted
        /// Ctrl-D on an empty line.
        case ended
    }

    /// Lines that the history keeps.
    private static let historyLines: Int32 = 10_000
    private static let interruptions = Atomic<Int>(0)
    private static let reader = Atomic<UInt>(0)

    private let history: String?

    /// - Parameter history: the file's path; nil keeps none.
    init(history: String?) {
        self.history = history
        setlocale(LC_CTYPE, "")
        // libedit would end the process on Ctrl-C.
        cistern_editline_leave_signals()
        using_history()
        stifle_history(Self.historyLines)
        if let history {
            // What was typed may be private, so nobody else gets to read it, from the first byte on.
            close(open(history, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0o600))
            read_history(history)
        }
        Self.catchInterruptions()
    }

    /// How often Ctrl-C was pressed so far.
    static var interruptionCount: Int { interruptions.load(ordering: .relaxed) }

    func read(prompt: String) async -> Input {
        await withCheckedContinuation { continuation in
            let thread = Thread {
                // A thread that is started by one of the pool's inherits its deaf ear.
                var signals = sigset_t()
                sigemptyset(&signals)
                sigaddset(&signals, SIGINT)
                pthread_sigmask(SIG_UNBLOCK, &signals, nil)
                Self.reader.store(UInt(pthread_self()), ordering: .releasing)
                let before = Self.interruptionCount
                let line = readline(prompt)
                Self.reader.store(0, ordering: .releasing)
                defer { free(line) }
                if let line {
                    continuation.resume(returning: .line(String(cString: line)))
                } else {
                    let isInterrupted = Self.interruptionCount != before
                    continuation.resume(returning: isInterrupted ? .interrupted : .ended)
                }
            }
            thread.stackSize = 1 << 20
            thread.start()
        }
    }

    /// A line that begins with a space is not kept.
    func remember(_ text: String) {
        if history == nil || text.isEmpty || text.first == " " { return }
        add_history(text.replacing("\n", with: " "))
    }

    func save() {
        if let history { write_history(history) }
    }

    private static func catchInterruptions() {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { signal in
            LineEditor.interruptions.add(1, ordering: .relaxed)
            let reader = pthread_t(LineEditor.reader.load(ordering: .acquiring))
            if reader != 0 && pthread_equal(reader, pthread_self()) == 0 { pthread_kill(reader, signal) }
        }
        // Without SA_RESTART the wait for a key ends.
        sigaction(SIGINT, &action, nil)
    }
}

enum PromptHistory {
    /// `CISTERN_HISTORY`, else `cistern/history` in `XDG_STATE_HOME`, else `.cistern_history` in the home directory.
    ///
    /// - Returns: nil where there is to be none.
    static func path(environment: [String: String]) -> String? {
        if let path = environment["CISTERN_HISTORY"] { return path.isEmpty ? nil : path }
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") {
            let folder = "\(state)/cistern"
            try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            return "\(folder)/history"
        }
        guard let home = environment["HOME"], !home.isEmpty else { return nil }
        return "\(home)/.cistern_history"
    }
}
