#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// What the system says of this process. A figure that cannot be had is nil.
package struct ProcessReading: Sendable, Equatable {
    /// User and system time, in seconds.
    package var cpuSeconds: Double?
    /// In bytes.
    package var residentBytes: Int?
    package var virtualBytes: Int?
    package var openFiles: Int?
    package var maximumFiles: Int?
    package var threads: Int?

    package static var now: ProcessReading {
        var reading = ProcessReading()
        var usage = rusage()
        #if canImport(Glibc)
        let own = RUSAGE_SELF.rawValue
        #else
        let own = RUSAGE_SELF
        #endif
        if getrusage(__rusage_who_t(own), &usage) == 0 {
            reading.cpuSeconds = seconds(usage.ru_utime) + seconds(usage.ru_stime)
        }
        var limit = rlimit()
        #if canImport(Darwin)
        let files = RLIMIT_NOFILE
        #else
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #endif
        if getrlimit(files, &limit) == 0 { reading.maximumFiles = Int(clamping: limit.rlim_cur) }
        reading.openFiles = entries(in: "/proc/self/fd")
        reading.apply(stat: text(of: "/proc/self/stat") ?? "", pageSize: Int(sysconf(Int32(_SC_PAGESIZE))))
        return reading
    }

    /// Takes the figures of `/proc/self/stat`. The second field, the program's name in parentheses, may hold anything.
    package mutating func apply(stat: String, pageSize: Int) {
        guard let end = stat.lastIndex(of: ")") else { return }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        // Counted from the third field on: state is 0, num_threads 17, vsize 20, rss (in pages) 21.
        guard fields.count > 21 else { return }
        threads = Int(fields[17])
        virtualBytes = Int(fields[20])
        residentBytes = Int(fields[21]).map { $0 * pageSize }
    }

    private static func seconds(_ time: timeval) -> Double {
        Double(time.tv_sec) + Double(time.tv_usec) / 1e6
    }

    private static func text(of path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let length = read(file, &bytes, bytes.count)
        return length > 0 ? String(decoding: bytes[..<length], as: UTF8.self) : nil
    }

    private static func entries(in path: String) -> Int? {
        guard let folder = opendir(path) else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Without ".", ".." and the folder that is being read.
        return max(0, count - 3)
    }
}

extension ProcessReading {
    /// Under the names that Prometheus's own clients use.
    ///
    /// - Parameter startedAt: seconds since 1970.
    package func families(startedAt: Double) -> [MetricFamily] {
        var families: [MetricFamily] = []
        func add(_ name: String, _ unit: MetricFamily.Unit?, _ help: String, _ value: Int?) {
            if let value { families.append(MetricFamily(name, .gauge, unit: unit, help, .integer(value))) }
        }
        if let cpuSeconds {
            let help = "User and system CPU time spent."
            families.append(
                MetricFamily("process_cpu_seconds_total", .counter, unit: .seconds, help, .real(cpuSeconds))
            )
        }
        add("process_resident_memory_bytes", .bytes, "Resident memory.", residentBytes)
        add("process_virtual_memory_bytes", .bytes, "Virtual memory.", virtualBytes)
        add("process_open_fds", nil, "Open file descriptors.", openFiles)
        add("process_max_fds", nil, "File descriptors that may be open at most.", maximumFiles)
        add("process_threads", nil, "Threads.", threads)
        families.append(
            MetricFamily(
                "process_start_time_seconds",
                .gauge,
                unit: .seconds,
                "When the process started, since 1970.",
                .real(startedAt)
            )
        )
        return families
    }
}
