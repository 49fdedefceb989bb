internal import CSocketEvents

/// Drives some connections on one thread.
///
/// Invariants: a connection has at most `pipeline` requests under way; `moments` holds when each of them was sent or, in an
/// open loop, was due, in the order of the answers. With a ring nothing is begun on a connection before all that was begun
/// with the flush before is answered, since the bytes of that are there until then.
final class Worker<Connection: LoadConnection> {
    private struct Slot {
        var underWay = 0
        /// Where in the ring of its moments the oldest request stands.
        var oldest = 0
        var expectsRoom = false
    }

    private static var longestWait: Int64 { 50_000_000 }

    private let pipeline: Int
    private let count: Int
    private let connections: UnsafeMutablePointer<Connection>
    private let slots: UnsafeMutablePointer<Slot>
    private let moments: UnsafeMutablePointer<Int64>
    private let answers: UnsafeMutablePointer<AnswerKind>
    private let events: UnsafeMutablePointer<SocketEvent>
    private let poller: Poller
    /// Receives and sends in place of the connections, which are then not in the poller.
    private let ring: SocketRing?
    private let progress: LoadProgress
    private let choice: RequestChoice
    private let keys: KeyChoice
    private var random: RandomNumbers
    private var recorder = Recorder()
    private var answered = 0
    private var failed = 0
    /// The next key that is asked for in order; past `lastInOrder` keys are drawn.
    private var nextInOrder = 1
    private var lastInOrder = 0

    init(
        _ connections: [Connection],
        pipeline: Int,
        choice: RequestChoice,
        keys: KeyChoice,
        seed: UInt64,
        progress: LoadProgress,
        ring: SocketRing? = nil
    ) throws(LoadTestError) {
        poller = try Poller()
        self.ring = ring
        self.pipeline = pipeline
        self.choice = choice
        self.keys = keys
        self.progress = progress
        random = RandomNumbers(seed: seed)
        count = connections.count
        self.connections = .allocate(capacity: count)
        self.connections.initialize(from: connections, count: count)
        slots = .allocate(capacity: count)
        slots.initialize(repeating: Slot(), count: count)
        moments = .allocate(capacity: count * pipeline)
        moments.initialize(repeating: 0, count: count * pipeline)
        answers = .allocate(capacity: pipeline)
        events = .allocate(capacity: Poller.capacity)
        for (index, connection) in connections.enumerated() {
            if let ring {
                ring.receive(connection.descriptor, token: index)
            } else {
                poller.add(connection.descriptor, token: index)
            }
        }
    }

    deinit {
        for index in 0..<count { connections[index].close() }
        connections.deinitialize(count: count)
        connections.deallocate()
        slots.deallocate()
        moments.deallocate()
        answers.deallocate()
        events.deallocate()
        poller.close()
        ring?.close()
    }

    var firstError: String? {
        for index in 0..<count { if let error = connections[index].firstError { return error } }
        return nil
    }

    // MARK: Asking for every key once

    /// Asks for the keys of a range, each once, as fast as the answers come.
    func ask(for range: ClosedRange<Int>) throws(LoadTestError) {
        nextInOrder = range.lowerBound
        lastInOrder = range.upperBound
        for index in 0..<count { try sendInOrder(index) }
        while nextInOrder <= lastInOrder || (0..<count).contains(where: { slots[$0].underWay > 0 }) {
            for index in 0..<(try wait(nanoseconds: Self.longestWait)) {
                let token = Int(events[index].token)
                try receive(events[index])
                if slots[token].underWay == 0 { try sendInOrder(token) }
            }
            tellProgress()
        }
        recorder.reset()
    }

    private func sendInOrder(_ index: Int) throws(LoadTestError) {
        let now = monotonicNow()
        for _ in 0..<pipeline where nextInOrder <= lastInOrder {
            try begin(index, request: 0, key: nextInOrder, moment: now)
            nextInOrder += 1
        }
        try flush(index)
    }

    // MARK: A closed loop

    /// Sends `pipeline` requests on each connection, and as many again when all are answered.
    ///
    /// - Parameters: in seconds; the warm-up is not counted.
    func runClosed(warmUp: Double, duration: Double) throws(LoadTestError) -> WorkerResult {
        var clock = MeasuringTime(warmUp: warmUp, duration: duration)
        for index in 0..<count { try sendDrawn(index, now: monotonicNow()) }
        while true {
            let ready = try wait(nanoseconds: Self.longestWait)
            if clock.hasWarmedUp(monotonicNow()) { recorder.reset() }
            if clock.isOver { break }
            for index in 0..<ready {
                let token = Int(events[index].token)
                let now = try receive(events[index])
                if slots[token].underWay == 0 { try sendDrawn(token, now: now) }
            }
            tellProgress()
        }
        return result(clock)
    }

    @inline(__always)
    private func sendDrawn(_ index: Int, now: Int64) throws(LoadTestError) {
        for _ in 0..<pipeline {
            try begin(index, request: choice.next(&random), key: keys.next(&random), moment: now)
        }
        try flush(index)
    }

    // MARK: An open loop

    /// Sends requests when they are due, each on a connection that has room.
    ///
    /// - Parameters: in seconds; the warm-up is not counted. What was due and had no answer at the end counts as a latency
    ///   up to the end.
    func runOpen(rate: Double, warmUp: Double, duration: Double) throws(LoadTestError) -> WorkerResult {
        var clock = MeasuringTime(warmUp: warmUp, duration: duration)
        var schedule = Schedule(requestsPerSecond: rate, start: monotonicNow())
        var turn = 0
        while true {
            var now = monotonicNow()
            if clock.hasWarmedUp(now) { recorder.reset() }
            if clock.isOver { break }
            while schedule.next <= now, let index = connectionWithRoom(after: turn) {
                turn = index
                try begin(index, request: choice.next(&random), key: keys.next(&random), moment: schedule.take())
                try flush(index)
                now = monotonicNow()
            }
            let wait = schedule.next <= now ? Self.longestWait : min(Self.longestWait, schedule.next - now)
            for index in 0..<(try self.wait(nanoseconds: wait)) { try receive(events[index]) }
            tellProgress()
        }
        return overdue(schedule, clock)
    }

    @inline(__always)
    private func connectionWithRoom(after turn: Int) -> Int? {
        var index = turn
        for _ in 0..<count {
            index = index + 1 == count ? 0 : index + 1
            if slots[index].underWay < pipeline { return index }
        }
        return nil
    }

    private func overdue(_ schedule: Schedule, _ clock: MeasuringTime) -> WorkerResult {
        var schedule = schedule
        for index in 0..<count {
            for place in 0..<slots[index].underWay {
                let moment = moments[index * pipeline + (slots[index].oldest + place) % pipeline]
                recorder.record(.unanswered, clock.end - moment)
            }
        }
        while schedule.next < clock.end {
            recorder.record(.unanswered, clock.end - schedule.take())
        }
        return result(clock)
    }

    private func result(_ clock: MeasuringTime) -> WorkerResult {
        WorkerResult(
            recorder: recorder,
            seconds: clock.measured,
            firstError: firstError,
            io: ring == nil ? .readiness : .ring
        )
    }

    // MARK: One connection

    @inline(__always)
    private func begin(_ index: Int, request: Int, key: Int, moment: Int64) throws(LoadTestError) {
        try connections[index].begin(request, key: key, &random)
        var place = slots[index].oldest + slots[index].underWay
        if place >= pipeline { place -= pipeline }
        moments[index * pipeline + place] = moment
        slots[index].underWay += 1
    }

    /// Sends what a ring holds, waits, and puts what has happened into `events`.
    @inline(__always)
    private func wait(nanoseconds: Int64) throws(LoadTestError) -> Int {
        if let ring { return try ring.wait(nanoseconds: nanoseconds, events) }
        return poller.wait(nanoseconds: nanoseconds, events)
    }

    @inline(__always)
    private func flush(_ index: Int) throws(LoadTestError) {
        try connections[index].flush(ring, token: index)
        if connections[index].isSending != slots[index].expectsRoom {
            slots[index].expectsRoom = connections[index].isSending
            poller.expectRoom(slots[index].expectsRoom, connections[index].descriptor, token: index)
        }
    }

    /// Takes what has come on a connection, and returns the time.
    @inline(__always) @discardableResult
    private func receive(_ event: SocketEvent) throws(LoadTestError) -> Int64 {
        let index = Int(event.token)
        if event.isSent { throw event.failure }
        if slots[index].expectsRoom { try flush(index) }
        let came = try connections[index].receive(event, answers, limit: slots[index].underWay)
        let now = monotonicNow()
        for number in 0..<came {
            let kind = answers[number]
            let moment = moments[index * pipeline + slots[index].oldest]
            slots[index].oldest = slots[index].oldest + 1 == pipeline ? 0 : slots[index].oldest + 1
            recorder.record(kind, now - moment)
            if kind == .error { failed += 1 }
        }
        slots[index].underWay -= came
        answered += came
        return now
    }

    @inline(__always)
    private func tellProgress() {
        guard answered > 0 else { return }
        progress.add(answers: answered, errors: failed)
        answered = 0
        failed = 0
    }
}

/// What one thread has measured.
struct WorkerResult: Sendable {
    var recorder: Recorder
    /// The time that was measured, in seconds.
    var seconds: Double
    var firstError: String?
    var io: SocketIO
}

/// The moments of a measurement on the monotonic clock.
private struct MeasuringTime {
    private(set) var start: Int64
    private(set) var end: Int64
    private let length: Int64
    private var isMeasuring = false
    private(set) var isOver = false

    init(warmUp: Double, duration: Double) {
        start = monotonicNow() + Int64(warmUp * 1e9)
        length = Int64(duration * 1e9)
        end = start + length
    }

    /// Seconds.
    var measured: Double { Double(end - start) / 1e9 }

    /// Takes the time; true once, when the warm-up has ended.
    @inline(__always)
    mutating func hasWarmedUp(_ now: Int64) -> Bool {
        if isMeasuring {
            if now >= end {
                isOver = true
                end = now
            }
            return false
        }
        guard now >= start else { return false }
        isMeasuring = true
        start = now
        end = now + length
        return true
    }
}
