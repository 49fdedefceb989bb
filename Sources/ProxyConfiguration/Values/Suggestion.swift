/// Finds what somebody probably meant to write.
enum Suggestion {
    /// The candidate nearest to a word, if it is near enough to be a misspelling.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        // The comparison takes the product of the two lengths.
        guard word.utf8.count <= 64 else { return nil }
        let word = word.lowercased()
        let nearest = candidates.map { (name: $0, distance: distance(word, $0.lowercased())) }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
        guard let nearest, nearest.distance <= max(1, min(3, word.count / 3)) else { return nil }
        return nearest.name
    }

    /// How many insertions, deletions, replacements and swaps of neighbours lead from one word to the other.
    static func distance(_ first: String, _ second: String) -> Int {
        let first = Array(first.unicodeScalars)
        let second = Array(second.unicodeScalars)
        var beforeLast: [Int] = []
        var last = Array(0...second.count)
        for row in first.indices {
            var current = [row + 1]
            for column in second.indices {
                let isSame = first[row] == second[column]
                var cost = min(last[column] + (isSame ? 0 : 1), last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, first[row] == second[column - 1], first[row - 1] == second[column] {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            beforeLast = last
            last = current
        }
        return last[second.count]
    }
}
