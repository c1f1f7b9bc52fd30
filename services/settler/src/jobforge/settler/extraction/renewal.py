"""How the contract renews, and the notice that stops it."""

import re
from dataclasses import dataclass

from jobforge.settler.extraction.durations import Duration, find_durations
from jobforge.settler.extraction.passage import Flat, Found, phrase

RENEWS = phrase(
    r"\b(?:renew(?:s|ed|al|able)?|extend(?:s|ed)? (?:automatically|for)|automatic(?:ally)? (?:be "
    r")?(?:extend\w*|continu\w*)|successive|evergreen)\b"
)
_AUTOMATIC = phrase(
    r"automatic\w*[^.;]{0,60}(?:renew|exten|continu)|(?:renew|exten)\w*[^.;]{0,30}automatic|shall (?:be "
    r")?(?:renew|extend)(?:ed)?\b(?! at| only| upon)|"
    r"from year to year|year-to-year|(?:successive|consecutive)[^.;]{0,60}unless|will (?:be )?renew"
)
_NOTICE = phrase(r"\b(?:notice|notif\w+|advise\w*)\b")
_BEFORE_END = phrase(
    r"\b(?:prior to|before|in advance of|preceding)\b[^.;]{0,80}\b(?:end|expir\w+|anniversary|renewal|"
    r"terminat\w+|term|conclusion|completion)|\bnot (?:to )?renew|non-?renew|intent\w* (?:not )?to (?:renew|"
    r"terminate)"
)
_OTHER_RENEWAL = phrase(
    r"insurance|trademark registration|patent|policy|policies|lease term|purchase order|domain name|"
    r"registration|letter of credit|licen[cs]es? (?:and|or) permits"
)


@dataclass(frozen=True, slots=True)
class Renewal:
    """What is said about another term; ``months`` of one renewal, None where the text gives no length."""

    text: str
    months: int | None
    automatic: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """The notice that ends the contract at its renewal; a month counts 30 days."""

    text: str
    days: int


def find_renewal(flat: Flat) -> Found[Renewal] | None:
    """The first sentence on renewing this contract; one that renews by itself is preferred."""
    found = []
    for span in flat.sentences:
        text = flat.of(span)
        says = RENEWS.search(text)
        if (
            not says
            or not phrase(r"\b(?:term|agreement|contract|period|JSMA)s?\b").search(text)
            or _OTHER_RENEWAL.search(text)
        ):
            continue
        automatic = _AUTOMATIC.search(text) is not None
        near = _nearest(text, says)
        if near is None and not automatic:
            continue
        wording = text[near.start : near.end] if near else says.group()
        successive = "successive " if phrase(r"\b(?:successive|consecutive)\b").search(text) else ""
        value = Renewal(
            text=f"{successive}{wording}".strip(), months=near.months if near else None, automatic=automatic
        )
        found.append(Found(value, span, (0.85 if automatic else 0.6) - (0.2 if near is None else 0.0)))
    return max(found, key=lambda each: each.confidence, default=None)


def find_notice(flat: Flat, renewal: Found[Renewal] | None) -> Found[Notice] | None:
    """The period of notice before the term's end, in the renewal's sentence or the two around it."""
    if renewal is None:
        return None
    at = flat.sentences.index(renewal.span)
    for span in (flat.sentences[i] for i in (at, at + 1, at + 2, at - 1) if 0 <= i < len(flat.sentences)):
        text = flat.of(span)
        if not (_NOTICE.search(text) or span == renewal.span) or not _BEFORE_END.search(text):
            continue
        told = [
            d
            for d in find_durations(text)
            if phrase(r"^[^.;]{0,60}?\b(?:notice|prior|before|advance|in advance|preceding)").search(text[d.end :])
        ]
        told = [d for d in told if d.unit != "year"]
        if told:
            return Found(Notice(text=text[told[0].start : told[0].end].strip(), days=told[0].days), span, 0.8)
    return None


def _nearest(text: str, says: re.Match[str]) -> Duration | None:
    """The length of the renewal: the first after the verb that is no notice, else the last before it."""
    lengths = [
        d
        for d in find_durations(text)
        if d.months and not phrase(r"^['s]*\)?[\s,]*(?:prior|advance|written|notice|before)").search(text[d.end :])
    ]
    after = [d for d in lengths if d.start >= says.start() - 12]
    return after[0] if after else None
