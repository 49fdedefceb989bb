import Foundation
import ProcessSupport
import Synchronization

/// A program at a terminal of its own, as if a person sat there.
final class TerminalProcess: Sendable {
    let pid: pid_t
    private let terminal: Int32
    private let shown = Mutex("")
    private let end = Mutex<ChildProcess.End?>(nil)

    init(_ program: String, _ arguments: [String], environment: [String: String]) throws {
        // posix_openpt and its like are hidden by Glibc's headers: the two requests are TIOCSPTLCK and TIOCGPTN.
        terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var lock: Int32 = 0
        var number: Int32 = 0
        guard terminal >= 0, ioctl(terminal, 0x4004_5431, &lock) == 0, ioctl(terminal, 0x8004_5430, &number) == 0 else {
            throw ChildProcess.Failure(description: "there is no terminal: \(String(cString: strerror(errno)))")
        }
        let name = "/dev/pts/\(number)"
        _ = fcntl(terminal, F_SETFL, O_NONBLOCK)
        var size = winsize(ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(terminal, UInt(TIOCSWINSZ), &size)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // The leader of a session gets the first terminal that it opens as its own.
        posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 1)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        // POSIX_SPAWN_SETSID, which Glibc's header hides.
        posix_spawnattr_setflags(&attributes, Int16(flags) | 0x80)
        var words = ([program] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in words + variables { free(pointer) } }
        var pid: pid_t = 0
        let error = posix_spawn(&pid, program, &actions, &attributes, &words, &variables)
        guard error == 0 else {
            throw ChildProcess.Failure(description: "\(program): \(String(cString: strerror(error)))")
        }
        self.pid = pid
    }

    deinit {
        close(terminal)
    }

    /// Everything that was written to the terminal so far.
    var text: String {
        shown.withLock { shown in
            var bytes = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(terminal, &bytes, bytes.count)
                if count <= 0 { return shown }
                shown += String(decoding: bytes[..<count], as: UTF8.self)
            }
        }
    }

    /// Types, and waits until something new on the screen holds a text.
    func type(_ keys: String, until expected: String, within limit: Duration = .seconds(10)) async throws -> Bool {
        let before = text.count
        let bytes = Array(keys.utf8)
        _ = write(terminal, bytes, bytes.count)
        return try await eventually(within: limit) { text.dropFirst(before).contains(expected) }
    }

    func send(signal: Int32) {
        if ended == nil { kill(pid, signal) }
    }

    var ended: ChildProcess.End? {
        _ = text
        return end.withLock { end in
            if end != nil { return end }
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            end = status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .killed(by: status & 0x7f)
            return end
        }
    }

    func waitForEnd(within limit: Duration = .seconds(10)) async throws -> ChildProcess.End {
        guard try await eventually(within: limit, { ended != nil }), let end = ended else {
            send(signal: SIGKILL)
            throw ChildProcess.Failure(description: "process \(pid) goes on; the terminal shows:\n\(text)")
        }
        return end
    }

    /// Whether keys are shown and lines are edited by the terminal itself, as a shell expects it.
    var isInLineMode: Bool {
        var settings = termios()
        return tcgetattr(terminal, &settings) == 0 && settings.c_lflag & tcflag_t(ICANON) != 0
            && settings.c_lflag & tcflag_t(ECHO) != 0
    }
}
