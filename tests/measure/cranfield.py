"""The Cranfield collection: 1,400 abstracts, 225 queries, and judgements of which abstract answers which query."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CUT = 10


@dataclass(frozen=True, slots=True)
class Cranfield:
    """Texts by document id; queries in their order, and for each the gain of every document that answers it."""

    documents: Mapping[str, str]
    queries: Sequence[str]
    gains: Sequence[Mapping[str, int]]

    def ndcg(self, query: int, ranked: Sequence[str]) -> float:
        """nDCG@10 of a ranking for the query at that place; 0 for a query that nothing answers."""
        gains = self.gains[query]
        ideal = _discounted(sorted(gains.values(), reverse=True))
        return _discounted([gains.get(document, 0) for document in ranked]) / ideal if ideal else 0.0


def read(folder: Path) -> Cranfield:
    """From ``cran.all.1400``, ``cran.qry`` and ``cranqrel``.

    A document is its title and its abstract. The n-th query is query n of the judgements, whatever its own number;
    the codes 1 to 4 give 4, 3, 2 and 1.
    """
    documents = {}
    for record in _records(folder / "cran.all.1400"):
        number, title, text = record.split("\n", 1)[0], _between(record, ".T\n", ".A\n"), record.partition(".W\n")[2]
        documents[f"cran-{int(number)}"] = f"{title}\n\n{text}"
    queries = [" ".join(record.partition(".W\n")[2].split()) for record in _records(folder / "cran.qry")]
    gains: dict[int, dict[str, int]] = defaultdict(dict)
    for line in (folder / "cranqrel").read_text(encoding="ascii").splitlines():
        if line.strip():
            query, document, code = map(int, line.split()[:3])
            if 1 <= code <= 4:
                gains[query][f"cran-{document}"] = 5 - code
    return Cranfield(documents, queries, [gains[number] for number in range(1, len(queries) + 1)])


def _records(path: Path) -> list[str]:
    return re.split(r"^\.I ", path.read_text(encoding="ascii"), flags=re.MULTILINE)[1:]


def _between(text: str, begin: str, end: str) -> str:
    return text.partition(begin)[2].partition(end)[0].strip()


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains[:CUT]))
