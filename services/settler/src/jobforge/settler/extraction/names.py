"""What the name of a company, an institution or a person looks like in a contract's opening."""

import re

from jobforge.settler.extraction.passage import Flat, Span, trimmed

SUFFIX = (
    r"(?i:Inc|Incorporated|L\.? ?L\.? ?C|Ltd|Limited|Corp|Corporation|Co|Company|L\.? ?P|L\.? ?L\.? ?P|LLLP|"
    r"P\.? ?L\.? ?C|GmbH|"
    r"A\.? ?G|S\.? ?A\.? ?S|S\.? ?A|S\.? ?p\.? ?A|S\.? ?r\.? ?l|N\.? ?V|B\.? ?V|Pte|Pty|K\.? ?K|A\.? ?B|A/S|N\.? ?A|"
    r"P\.? ?C|Trust|Fund|Bank|Partnership|Partners|University|Association|Foundation|Institute|S\.? ?E|Oyj|"
    r"ULC|Group|Holdings)"
)
# Suffixes beyond doubt, for places where nothing else marks a name.
LEGAL = (
    r"(?i:Inc|Incorporated|L\.? ?L\.? ?C|Ltd|Limited|Corp|Corporation|Company|L\.? ?P|L\.? ?L\.? ?P|P\.? "
    r"?L\.? ?C|GmbH|S\.A|A\.G|N\.V|B\.V|Pte|Pty|ULC|N\.A)"
)
_WORD = r"(?:[A-Z0-9À-Þ][\w.'&/!+*-]*|&|\+)"
_JOIN = r"(?:of|the|and|for|de|du|der|von|van|y|e|in|d/b/a|f/k/a|dba|at|on)"
_GAP = " {1,3}"
_PLAIN = rf"(?:{_JOIN}{_GAP}){{0,2}}{_WORD}"
_LEGAL_COMMA = rf" ?, *(?={SUFFIX}\b)"
_LIST_COMMA = rf" ?, *(?=(?:{_WORD}{_GAP}){{1,3}}(?:&|and){_GAP}{_WORD})"
_INSERT = rf" *\([A-Z][\w. ]{{1,25}}\)(?=,? *(?:{_WORD},?{_GAP}){{0,2}}{SUFFIX}\b)"
_BRAND = r"(?:[a-z]{1,2}[A-Z]\w*|[a-z][\w-]*\.(?:com|net|org)\b)"
_NAME = re.compile(
    rf"(?:(?:the|The|THE){_GAP})?(?:{_WORD}|{_BRAND})(?:(?:{_LEGAL_COMMA}|{_LIST_COMMA}|{_GAP}){_PLAIN}|"
    rf"{_INSERT}){{0,14}}"
)
_LEAD = re.compile(
    r"^(?:[\s,;.:)\]|_-]+|(?:by and )?(?:between|among|amongst)\b:?|\band\b|\bAND\b|\bWITH\b|\bwith\b|"
    r"BETWEEN:?|AMONG:?|&|"
    r"\(?(?:\d{1,2}|[a-h]|[ivx]{1,4})\)|\d{1,2}\.(?=\s)|parties:?|Parties:?|the parties:?|the following:?|"
    r"(?:on|of) the (?:one|other|first|second) (?:hand|part),?|each of|either|both|(?:Client|Customer|Company|"
    r"Party|Name)(?: Name)?:)+",
    re.IGNORECASE,
)
_CUT = re.compile(
    r"[, ]+(?:a|an|A|AN)[ ]+(?:[A-Z][\w-]*[ ]+){0,4}[\w-]*\b(?:corporation|company|limited|partnership|trust|"
    r"llc|CORPORATION|Corporation|"
    r"Limited|LIMITED|Company|individual|Partnership|division|nonprofit|not-for-profit|subsidiary|unit|member|"
    r"bank|public|university)\b.*",
    re.DOTALL,
)
_LABEL_AFTER = re.compile(
    (
        r" +(?:Address|Attention|Attn|Telephone|Tel|Legal Representative|Registered "
        r"Office)\b.*"
    ),
    re.DOTALL,
)
# A legal form ends a name where another name or a street's number follows.
_CLOSED = re.compile(rf"\b{LEGAL}\b\.?(?=,? +(?:(?:and|AND|&) |\d))")
_HEADING = re.compile(r"(?:[A-Z][\w&/-]* +){1,6}(?:AGREEMENT|CONTRACT) +(?=[A-Z])")
_NO_NAME = re.compile(
    r"^(?:[_*\[]|\d{4}[.,]|(?:this|these|further|if|each|such|upon|whereas)\b)|\b(?:agreement|contract)$", re.IGNORECASE
)
_NOT_NAMES = re.compile(
    r"^(?:(?:this|the|these|an?|such|said|each|either|as|in|on|by|for|whereas|witnesseth|effective|date|"
    r"section|article|agreement|exhibit|"
    r"schedule|january|february|march|april|may|june|july|august|september|october|november|december|suite|"
    r"street|attn|attention|"
    r"p\.?o\.?|box|tel|fax|page|source|its|their|corporation|company|inc|llc|ltd|hereinafter|party|parties|"
    r"and|of|\d[\d.,/-]*)\b[\s.,]*)+$",
    re.IGNORECASE,
)
_ENDS = re.compile(rf"\b{LEGAL}\b\.?$", re.IGNORECASE)
_STOP_WORDS = frozenset(
    [
        "inc",
        "incorporated",
        "llc",
        "ltd",
        "limited",
        "corp",
        "corporation",
        "co",
        "company",
        "lp",
        "llp",
        "plc",
        "gmbh",
        "the",
        "of",
        "and",
        "a",
        "an",
    ]
)


def name_at(flat: Flat, start: int, end: int) -> Span | None:
    """The name that begins at ``start``, after what may lead up to it ("and", "(1)", "between"); None if none does."""
    lead = _LEAD.match(flat.text[start:end])
    start += lead.end() if lead else 0
    heading = _HEADING.match(flat.text, start, min(end, start + 120))
    match = _NAME.match(flat.text, heading.end() if heading else start, end)
    if match is None:
        return None
    start = match.start()
    text = _LABEL_AFTER.sub("", _CUT.sub("", match.group()))
    if closed := _CLOSED.search(text):
        text = text[: closed.end()]
    text = _first_line(text, flat.original[start:])
    text = re.sub(r"[\s,]+(?:a|an|and|of|the|in|for|on|at)$", "", text)
    span = trimmed(flat.text, start, start + len(text.rstrip(" ,;:-")))
    return span if is_name(flat.of(span)) else None


def _first_line(text: str, original: str) -> str:
    """The name without the address on the lines below it: a legal form at a line's end closes it."""
    for line_end in re.finditer(r"\n", original[: len(text)]):
        line = text[: line_end.start()].rstrip(" ,")
        if ends_as_company(line):
            return line
    return text


def is_name(text: str) -> bool:
    """Whether the words could name somebody, and are not only words that contracts capitalise."""
    return len(text) > 2 and any(map(str.isalpha, text)) and not _NOT_NAMES.match(text) and not _NO_NAME.search(text)


def ends_as_company(text: str) -> bool:
    """Whether the name closes with a legal form."""
    return _ENDS.search(text) is not None


def name_words(name: str) -> frozenset[str]:
    """The words that tell one name from another: lower case, without legal forms."""
    plain = re.findall(r"[a-z0-9à-ÿ]+", name.lower().replace(".", "").replace("'", ""))
    return frozenset(plain) - _STOP_WORDS or frozenset(plain)
