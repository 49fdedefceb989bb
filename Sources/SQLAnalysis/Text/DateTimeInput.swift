/// Whether PostgreSQL could read the text as a point in time that moves: `now`, `today`, `tomorrow` and `yesterday`
/// mean another moment each time they are read.
///
/// Such a text has one of these words, and otherwise only what the input of a date, a time, a range or an array of them
/// may hold: digits, punctuation, names of months, days and zones. In a text that begins like a composite value every
/// part is read by itself, so there the word alone is enough.
///
/// It is asked for every text parameter, so it allocates nothing and gives up at the first word of ordinary text.
package func isDateTimeInput(_ text: String) -> Bool {
    text.utf8.withContiguousStorageIfAvailable { isDateTimeInput(bytes: $0) }
        ?? isDateTimeInput(bytes: Array(text.utf8))
}

/// Up to this length a first look for the four words alone is cheaper than looking up the others.
private let shortBytes = 128

func isDateTimeInput(bytes: some RandomAccessCollection<UInt8>) -> Bool {
    if bytes.count <= shortBytes, !holdsMovingWord(bytes) { return false }
    var index = bytes.startIndex
    var isComposite = false
    var hasText = false
    var moves = false
    while index != bytes.endIndex {
        let byte = bytes[index]
        if byte >= 0x80 {
            if !isComposite { return false }
            bytes.formIndex(after: &index)
            continue
        }
        guard byte.isLetter else {
            if byte == UInt8(ascii: "("), !hasText { isComposite = true }
            if byte.isDigit { hasText = true }
            bytes.formIndex(after: &index)
            continue
        }
        let start = index
        while index != bytes.endIndex, bytes[index].isLetter { bytes.formIndex(after: &index) }
        let word = SmallWord(bytes[start..<index])
        hasText = true
        if isMoving(word) {
            moves = true
        } else if !isComposite, !dateTimeWords.contains(word), !isZoneName(bytes, start..<index) {
            return false
        }
    }
    return moves
}

private func holdsMovingWord(_ bytes: some RandomAccessCollection<UInt8>) -> Bool {
    var index = bytes.startIndex
    while index != bytes.endIndex {
        guard bytes[index].isLetter else {
            bytes.formIndex(after: &index)
            continue
        }
        let start = index
        while index != bytes.endIndex, bytes[index].isLetter { bytes.formIndex(after: &index) }
        if isMoving(SmallWord(bytes[start..<index])) { return true }
    }
    return false
}

private func isMoving(_ word: SmallWord) -> Bool {
    word == now || word == today || word == tomorrow || word == yesterday
}

/// Zones are also named like `America/New_York`, `Etc/GMT+3` and, after POSIX, `EST5EDT`.
private func isZoneName<Bytes: RandomAccessCollection<UInt8>>(_ bytes: Bytes, _ word: Range<Bytes.Index>) -> Bool {
    if word.upperBound != bytes.endIndex {
        let next = bytes[word.upperBound]
        if next.isDigit || next == UInt8(ascii: "/") || next == UInt8(ascii: "+") { return true }
        if next == UInt8(ascii: "-") {
            let behind = bytes.index(after: word.upperBound)
            if behind != bytes.endIndex, bytes[behind].isDigit { return true }
        }
        if next == UInt8(ascii: "_") || next == UInt8(ascii: "-") { return bytes.contains(UInt8(ascii: "/")) }
    }
    guard word.lowerBound != bytes.startIndex else { return false }
    let previous = bytes[bytes.index(before: word.lowerBound)]
    if previous.isDigit || previous == UInt8(ascii: "/") { return true }
    return (previous == UInt8(ascii: "_") || previous == UInt8(ascii: "-")) && bytes.contains(UInt8(ascii: "/"))
}

extension UInt8 {
    fileprivate var isLetter: Bool { (self | 0x20) &- UInt8(ascii: "a") < 26 }
    fileprivate var isDigit: Bool { self &- UInt8(ascii: "0") < 10 }
}

private let now: SmallWord = "now"
private let today: SmallWord = "today"
private let tomorrow: SmallWord = "tomorrow"
private let yesterday: SmallWord = "yesterday"

private let dateTimeWords: Set<SmallWord> = Set(
    """
    january february march april may june july august september october november december
    jan feb mar apr jun jul aug sep sept oct nov dec
    sunday monday tuesday wednesday thursday friday saturday
    sun mon tue tues wed weds thu thur thurs fri sat
    am pm ad bc at on t z d h j m s y jd julian dst nz chat gb w su allballs epoch infinity empty null invalid current
    mm
    acdt acsst acst act acwst adt aedt aesst aest aft akdt akst almst almt amst amt anast anat arst art ast awsst awst
    azost azot azst azt bdst bdt bnt bort bot bra brst brt bst btt cadt cast cct cdt cest cet cetdst chadt chast chut
    ckt clst clt cot cst cxt davt ddut easst east eat edt eest eet eetdst egst egt est fet fjst fjt fkst fkt fnst fnt
    galt gamt gest get gft gilt gmt gyt hkt hst ict idt iot irkst irkt irt ist jayt jst kdt kgst kgt kost krast krat
    kst lhdt lhst ligt lint lkt magst magt mart mawt mdt mest mesz met metdst mez mht mmt mpt msd msk mst must mut mvt
    myt ndt nft novst novt npt nst nut nzdt nzst nzt omsst omst pdt pet petst pett pgt pht pkst pkt pmdt pmst pont
    pst pwt pyst pyt ret sadt sast sct sgt taht tft tjt tkt tmt tot trut tvt uct ulast ulat ut utc uyst uyt uzst uzt
    vet vlast vlat volt vut wadt wakt wast wat wdt wet wetdst wft wgst wgt xjt yakst yakt yapt yekst yekt zulu
    cuba egypt eire greenwich hongkong iceland iran israel jamaica japan kwajalein libya localtime navajo nz poland
    portugal posixrules prc roc rok singapore turkey universal factory
    """.split(whereSeparator: \.isWhitespace).map { SmallWord($0.utf8) }
)
