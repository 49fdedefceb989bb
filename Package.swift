// swift-tools-version:6.1
import PackageDescription

// scripts/check sets it: a warning in our own targets is then an error.
let isStrict = Context.environment["CISTERN_STRICT"] != nil

let swiftSettings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (isStrict ? [.unsafeFlags(["-warnings-as-errors"])] : [])

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioTestUtils = Target.Dependency.product(name: "NIOTestUtils", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")

let package = Package(
    name: "cistern",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "cistern", targets: ["cistern"]),
        .library(name: "CisternClient", targets: ["CisternClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
    ],
    targets: [
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(name: "CAllocator"),
        .target(
            name: "CSocketEvents",
            linkerSettings: [.linkedLibrary("uring", .when(platforms: [.linux]))]
        ),
        .target(name: "CPrefetch"),
        .systemLibrary(name: "CPgQuery", providers: [.apt(["libpg-query-dev"])]),
        .systemLibrary(name: "CLibEdit", pkgConfig: "libedit", providers: [.apt(["libedit-dev"])]),
        .target(name: "JSONText", dependencies: [nioCore], swiftSettings: swiftSettings),
        .target(
            name: "RedisClient",
            dependencies: ["CPrefetch", nioCore, nioPosix, nioSSL, logging],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "PostgresClient",
            dependencies: ["CLibPQ", "JSONText", nioCore, nioPosix, deque, logging],
            swiftSettings: swiftSettings
        ),
        .target(name: "SQLAnalysis", dependencies: ["CPgQuery", "JSONText"], swiftSettings: swiftSettings),
        .target(
            name: "QueryCache",
            dependencies: ["CPrefetch", nioCore, collections, crypto],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "QueryProxy",
            dependencies: [
                "CPrefetch", "JSONText", "Observability", "QueryCache", "SQLAnalysis", "PostgresClient", "RedisClient",
                "Sessions", nioCore, nioPosix, collections, logging,
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "LineProtocol",
            dependencies: [
                "CPrefetch", "JSONText", "Observability", "QueryCache", "QueryProxy", nioCore, nioPosix, nioSSL, deque,
                serviceLifecycle, logging,
            ],
            swiftSettings: swiftSettings
        ),
        .target(name: "Sessions", dependencies: [nioCore], swiftSettings: swiftSettings),
        .target(name: "Observability", dependencies: [nioCore], swiftSettings: swiftSettings),
        .target(
            name: "AdminHTTP",
            dependencies: [
                "JSONText", "Observability", "QueryProxy", hummingbird, hummingbirdCore, httpTypes, nioCore, nioPosix,
                serviceLifecycle, logging,
            ],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "LoadTest",
            dependencies: ["CSocketEvents", "CLibPQ", "JSONText", histogram, nioCore],
            swiftSettings: swiftSettings
        ),
        .target(name: "ProxyConfiguration", swiftSettings: swiftSettings),
        .target(
            name: "CisternClient",
            dependencies: ["JSONText", nioCore, nioPosix, nioSSL, deque, serviceLifecycle],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "cistern",
            dependencies: [
                "ProxyConfiguration", "LineProtocol", "AdminHTTP", "LoadTest", "Sessions", "Observability",
                "QueryProxy",
                "QueryCache", "RedisClient", "PostgresClient",
                "SQLAnalysis", "CisternClient", "JSONText", "CAllocator", "CLibEdit", nioCore, nioPosix, nioHTTP1,
                nioSSL,
                serviceLifecycle,
                unixSignals, logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swiftSettings,
            // In place of the C library's allocator. Not in debug builds: the sanitizers bring their own.
            linkerSettings: [.linkedLibrary("jemalloc", .when(platforms: [.linux], configuration: .release))]
        ),
        .executableTarget(
            name: "cistern-examples",
            dependencies: ["CisternClient"],
            path: "examples/swift",
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "benchmarks",
            dependencies: ["LineProtocol", "QueryProxy", "QueryCache", "RedisClient", "JSONText", nioCore],
            path: "Benchmarks",
            exclude: ["limits.json"],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "TestSupport",
            dependencies: ["QueryCache", nioCore, nioPosix],
            path: "Tests/TestSupport",
            swiftSettings: swiftSettings
        ),
        .target(name: "ProcessSupport", path: "Tests/ProcessSupport", swiftSettings: swiftSettings),
        .testTarget(name: "JSONTextTests", dependencies: ["JSONText", nioCore], swiftSettings: swiftSettings),
        .testTarget(
            name: "RedisClientTests",
            dependencies: [
                "RedisClient", "TestSupport", "ProcessSupport", nioCore, nioPosix, nioEmbedded, nioTestUtils, logging,
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "PostgresClientTests",
            dependencies: ["PostgresClient", "JSONText", "TestSupport", nioCore, nioPosix, nioEmbedded, logging],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "SQLAnalysisTests",
            dependencies: ["SQLAnalysis", "JSONText", "PostgresClient", logging],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "QueryCacheTests",
            dependencies: ["QueryCache", "TestSupport", nioCore],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "QueryProxyTests",
            dependencies: [
                "QueryProxy", "QueryCache", "SQLAnalysis", "PostgresClient", "RedisClient", "Sessions", "JSONText",
                "Observability", "TestSupport", nioCore, nioPosix, logging,
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "LineProtocolTests",
            dependencies: [
                "LineProtocol", "QueryCache", "QueryProxy", nioCore, nioPosix, nioEmbedded, nioTestUtils,
                serviceLifecycle, logging,
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "LoadTestTests",
            dependencies: ["LoadTest", "CSocketEvents"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "ObservabilityTests",
            dependencies: ["Observability", nioCore, nioEmbedded, nioPosix],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "AdminHTTPTests",
            dependencies: [
                "AdminHTTP", "Observability", "QueryProxy", "JSONText", nioCore, nioPosix, serviceLifecycle, logging,
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(name: "SessionsTests", dependencies: ["Sessions", nioCore], swiftSettings: swiftSettings),
        .testTarget(
            name: "ProxyConfigurationTests",
            dependencies: ["ProxyConfiguration"],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CommandTests",
            dependencies: ["cistern", "ProxyConfiguration", "JSONText", nioCore, logging],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "CisternClientTests",
            dependencies: [
                "CisternClient", nioCore, nioPosix, nioEmbedded, nioTestUtils, serviceLifecycle, logging,
            ],
            swiftSettings: swiftSettings
        ),
        .executableTarget(
            name: "staleness-oracle",
            dependencies: [
                "ProcessSupport", "CisternClient", "JSONText", nioCore, nioPosix,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/StalenessOracle",
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "ModelTests",
            dependencies: ["QueryProxy", "QueryCache", "TestSupport", "staleness-oracle", nioCore],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "TestSupport", "ProcessSupport", "RedisClient", "PostgresClient", "QueryProxy", "Sessions", "JSONText",
                "CisternClient",
                "cistern", nioCore, nioPosix, nioSSL, logging,
            ],
            swiftSettings: swiftSettings
        ),
    ],
    swiftLanguageModes: [.v6]
)

// Only with CISTERN_FUZZ set: libFuzzer brings the `main` of these executables, so that a plain build cannot link them.
if Context.environment["CISTERN_FUZZ"] != nil {
    package.targets.append(.target(name: "FuzzSupport", path: "Fuzz/FuzzSupport", swiftSettings: swiftSettings))
    package.targets += [
        ("FuzzLine", ["LineProtocol", "QueryProxy", "JSONText"]),
        ("FuzzJSON", ["JSONText"]),
        ("FuzzRESP", ["RedisClient"]),
    ].map { name, tested in
        .executableTarget(
            name: name,
            dependencies: ["FuzzSupport", nioCore] + tested.map { .byName(name: $0) },
            path: "Fuzz/\(name)",
            swiftSettings: swiftSettings
        )
    }
}
