internal import NIOCore

/// What proxies tell each other on the control channel.
enum ControlMessage: Equatable {
    /// A sign of life: the sender, its number of this heartbeat, and the number of its last invalidation.
    case heartbeat(origin: String, number: Int64, sequence: Int64)
    /// The holder of a lease has filled its key.
    case filled(String)
    /// The sender stops, and has told all that it had to tell.
    case goodbye(origin: String)

    var bytes: ByteBuffer {
        switch self {
        case .heartbeat(let origin, let number, let sequence):
            ByteBuffer(string: "beat \(origin) \(number) \(sequence)")
        case .filled(let key): ByteBuffer(string: "filled \(key)")
        case .goodbye(let origin): ByteBuffer(string: "bye \(origin)")
        }
    }

    init?(_ payload: ByteBuffer) {
        let words = String(buffer: payload).split(separator: " ").map(String.init)
        switch words.first {
        case "beat" where words.count == 4:
            guard let number = Int64(words[2]), let sequence = Int64(words[3]) else { return nil }
            self = .heartbeat(origin: words[1], number: number, sequence: sequence)
        case "filled" where words.count == 2: self = .filled(words[1])
        case "bye" where words.count == 2: self = .goodbye(origin: words[1])
        default: return nil
        }
    }
}
