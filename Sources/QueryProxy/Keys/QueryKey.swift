internal import PostgresClient
internal import QueryCache

/// What makes two requests share an entry.
///
/// Two requests have the same key only if PostgreSQL would give both the same answer: the same database and role, the
/// same settings that can change an answer, the same canonical text, the same parameters. The namespace and the
/// caller's tags are in it as well, because an entry dies by the generations of its own tags, and a reader who names
/// others must not revive it.
///
/// Every part is preceded by its length, so that no two lists of parts run together to the same bytes.
struct QueryKey {
    /// The layout of what follows and of the encoded result; a new one lets no old entry be read.
    private static let version = "1"

    /// The part that only changes when PostgreSQL or the configuration does.
    final class Head: Sendable {
        let identity: PostgresIdentity
        fileprivate let builder: CacheKeyBuilder

        init(for identity: PostgresIdentity) {
            self.identity = identity
            var builder = CacheKeyBuilder()
            builder.append(QueryKey.version)
            for part in identity.keyParts { builder.append(part) }
            self.builder = builder
        }
    }

    static func key(
        head: Head,
        canonicalText: String,
        request: QueryRequest,
        namespace: String,
        tags: [String]
    ) -> CacheKey {
        var builder = head.builder
        builder.append(canonicalText)
        builder.append(namespace)
        builder.append(count: request.settings.count)
        for setting in request.settings {
            builder.append(setting.name)
            builder.append(setting.value)
        }
        builder.append(count: tags.count)
        for tag in tags { builder.append(tag) }
        builder.append(count: request.parameters.count)
        for parameter in request.parameters {
            switch parameter {
            case .null: builder.append("n")
            case .text(let text):
                builder.append("t")
                builder.append(text)
            case .array(let json):
                builder.append("a")
                builder.append(json)
            case .object(let json):
                builder.append("o")
                builder.append(json)
            }
        }
        return builder.finish()
    }
}
