internal import Foundation
internal import Synchronization

/// The terminal while `top` has it: keys without Enter, and a screen that is given back as it was.
final class TopTerminal: Sendable {
    enum Key: Equatable, Sendable {
        case quit, sort, up, down
    }

    private let saved: termios
    /// For the handler of signals that end the process, which may touch nothing else.
    private static let isEnding = Atomic<Bool>(false)

    /// Nil where standard input or output is no terminal.
    init?() {
        var settings = termios()
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1, tcgetattr(STDIN_FILENO, &settings) == 0 else {
            return nil
        }
        saved = settings
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
        tcsetattr(STDIN_FILENO, TCSANOW, &settings)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { _ in TopTerminal.isEnding.store(true, ordering: .relaxed) }
        }
        // The alternate screen, without a cursor.
        StandardOutput.write("\u{1B}[?1049h\u{1B}[?25l")
    }

    func restore() {
        StandardOutput.write("\u{1B}[?25h\u{1B}[?1049l")
        var settings = saved
        tcsetattr(STDIN_FILENO, TCSANOW, &settings)
    }

    /// Columns and lines.
    var size: (width: Int, height: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    func show(_ text: String) {
        // Each line is cleared behind its end: what is drawn over what was there does not flicker.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        StandardOutput.write("\u{1B}[H" + lines.joined(separator: "\u{1B}[K\n") + "\u{1B}[K\u{1B}[J")
    }

    /// The keys that were pressed within a time; at once where there are some.
    func keys(within milliseconds: Int32) -> [Key] {
        if Self.isEnding.load(ordering: .relaxed) { return [.quit] }
        var descriptor = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, milliseconds) > 0 else {
            return Self.isEnding.load(ordering: .relaxed) ? [.quit] : []
        }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(STDIN_FILENO, &bytes, bytes.count)
        // The terminal has gone.
        if count == 0 || count < 0 && errno != EINTR && errno != EAGAIN { return [.quit] }
        return Self.keys(in: bytes.prefix(max(0, count)))
    }

    static func keys(in bytes: some Collection<UInt8>) -> [Key] {
        var keys: [Key] = []
        var rest = Array(bytes)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "q"), UInt8(ascii: "Q"), 3, 4: keys.append(.quit)
            case UInt8(ascii: "s"), UInt8(ascii: "S"): keys.append(.sort)
            case UInt8(ascii: "k"): keys.append(.up)
            case UInt8(ascii: "j"): keys.append(.down)
            case 0x1B where rest.first == UInt8(ascii: "[") || rest.first == UInt8(ascii: "O"):
                rest.removeFirst()
                switch rest.popFirst() {
                case UInt8(ascii: "A"): keys.append(.up)
                case UInt8(ascii: "B"): keys.append(.down)
                default: break
                }
            default: break
            }
        }
        return keys
    }
}
