"""What shows a kind of clause: patterns that one sentence must match, and words they share."""

from dataclasses import dataclass

OBLIGED = r"(?:shall|will|may|agrees?|undertakes?|covenants?)"
NEVER = (
    r"(?:(?:shall|will|may|must|can)(?: \w+,?){0,3} not|(?:shall|may|will) neither|neither|nor|agrees? (?:\w+ "
    r"){0,8}not|no party (?:shall|may)|"
    r"cannot|not to|refrain|without|prohibited from|neither party)"
)
CONSENT = r"(?:consent|approval|permission|authori[sz]ation|agreement)"


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of clause: any of ``says`` in a sentence shows it, unless ``unless`` is in the sentence too.

    ``mentions`` saves time: a sentence without any of them, in lower case, cannot match.
    """

    label: str
    mentions: tuple[str, ...]
    says: tuple[str, ...]
    unless: str | None = None

    @property
    def name(self) -> str:
        """The label in snake case."""
        return "_".join("".join(c if c.isalnum() else " " for c in self.label.lower()).split())
