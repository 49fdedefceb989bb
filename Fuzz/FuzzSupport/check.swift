/// Ends the process when a property does not hold: a trap is how libFuzzer is told of a finding, and `fatalError` is the one
/// that says why in a release build too.
package func check(_ holds: Bool, _ message: @autoclosure () -> String) {
    if !holds { fatalError(message()) }
}
