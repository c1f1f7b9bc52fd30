"""The words around quoted sentences: what each tone and each audience calls things, in English."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobforge.autopilot.drafting.brief import Audience, Tone


@dataclass(frozen=True, slots=True)
class Manner:
    """How a tone speaks; ``{topic}`` is filled in, ``{reader}`` is whom the audience is called."""

    title: str
    opening: str
    bridge: str
    further: str
    closing: str
    greeting: str
    sign_off: str
    call: str
    hook: str


@dataclass(frozen=True, slots=True)
class Readership:
    """What an audience is called, looks for and is asked to do."""

    reader: str
    headings: tuple[str, str, str]
    """For what it is, for why it counts, and for what to do."""
    action: str
    cues: str
    """Words, with spaces between, of sentences that it values."""
    long_sentence: int
    """Words above which a sentence is too much for it."""
    questions: tuple[str, ...]
    """What an outline asks for."""
    likes_figures: bool = False


MANNERS: Mapping[Tone, Manner] = {
    "professional": Manner(
        title="{topic}: what {reader} should know",
        opening="This article sets out the key points on {topic} for {reader}.",
        bridge="In particular:",
        further="In addition:",
        closing="In short, the points above are a sound starting point.",
        greeting="Hello,",
        sign_off="Kind regards,",
        call="We recommend the following next step: {action}.",
        hook="On {topic}, for {reader}:",
    ),
    "friendly": Manner(
        title="Let's talk about {topic}",
        opening="Wondering about {topic}? You're in the right place. Here's what {reader} tend to ask.",
        bridge="Here's the thing:",
        further="And there's more:",
        closing="That's it! Not so hard, is it?",
        greeting="Hi there,",
        sign_off="Cheers,",
        call="Want to give it a go? Here's an easy start: {action}.",
        hook="Wondering about {topic}? Here's one for {reader}:",
    ),
    "enthusiastic": Manner(
        title="{topic}: here is what makes it exciting",
        opening="We love this one! {topic} has plenty in store for {reader}, so let's dive right in.",
        bridge="Just look at this:",
        further="It gets better:",
        closing="Now go and put it to use!",
        greeting="Hello and welcome!",
        sign_off="Excited to hear from you,",
        call="Don't wait! Start today: {action}!",
        hook="Good news on {topic} for {reader}!",
    ),
    "formal": Manner(
        title="On {topic}: a summary for {reader}",
        opening="The present text summarises the material available on {topic} and is addressed to {reader}.",
        bridge="The following is to be noted:",
        further="It is furthermore stated:",
        closing="The statements above are reproduced from the sources listed.",
        greeting="Dear Sir or Madam,",
        sign_off="Yours faithfully,",
        call="It is suggested to proceed as follows: {action}.",
        hook="Regarding {topic}, to the attention of {reader}:",
    ),
}
READERSHIPS: Mapping[Audience, Readership] = {
    "general": Readership(
        reader="readers",
        headings=("The basics", "Why it matters", "What you can do"),
        action="read the sources below and pick one point to try",
        cues="people everyone simple easy help helps example daily home learn use used",
        long_sentence=20,
        questions=("What is it, in one plain sentence?", "Whom does it help, and with what?", "What is a first step?"),
    ),
    "technical": Readership(
        reader="engineers",
        headings=("How it works", "Figures and effects", "In practice"),
        action="check the figures in the sources against your own system, then try it on a small part of it",
        cues=(
            "system systems api data latency protocol configuration configure memory version server algorithm model "
            "method measured implementation design parameter parameters throughput pressure load layer"
        ),
        long_sentence=35,
        questions=(
            "How does it work, and on what does it depend?",
            "Which figures were measured, where, and how?",
            "Which limits and failures are known?",
            "What does a minimal set-up look like?",
        ),
        likes_figures=True,
    ),
    "executive": Readership(
        reader="decision-makers",
        headings=("The situation", "The business case", "Decisions to take"),
        action="name an owner and agree on a date for the decision",
        cues=(
            "cost costs saves save saving revenue risk risks growth market percent per cent budget customers time "
            "reduce reduces reduced increase increases increased investment return strategy"
        ),
        long_sentence=28,
        questions=(
            "Which problem does it solve, and what does that problem cost?",
            "What does it take in money, people and time?",
            "Which risks remain?",
            "What is to be decided, by whom, until when?",
        ),
        likes_figures=True,
    ),
    "customers": Readership(
        reader="our customers",
        headings=("What it is", "What is in it for you", "How to get started"),
        action="reply to us with your questions, and we will look at your case together",
        cues="you your yours free order support service offer get start choose included warranty",
        long_sentence=22,
        questions=("What do customers get?", "What changes for them?", "Where do they start, and who helps?"),
    ),
}
