"""Keyword search ranks as bm25s does, vectors are never NaN, and fusion takes both into account."""

import bm25s
import numpy as np
import pytest
import Stemmer

from jobforge.aias import vectors
from jobforge.aias.chunking import Chunk
from jobforge.aias.ranking import Hit, Live, best, by_keyword, live
from jobforge.aias.storing.segment import Segment, built, from_bytes, merged, to_bytes
from jobforge.aias.words import terms

TEXTS = {
    "wing": "The lift of a wing in a propeller slipstream, and the wing's spanwise loading at high speed.",
    "heat": "Heat conduction in composite slabs: heating and heated plates at high temperature.",
    "flow": "Laminar flow over flat plates; the boundary layer of a viscous fluid flowing at low speed.",
    "pump": "Maintenance instructions for the water pump and its motor.",
    "shock": "Shock waves in supersonic flow, and shocks behind a blunt body. Flow, flow, flow.",
}


def segment_of(texts: dict[str, str]) -> Segment:
    chunks = {name: [Chunk(text, 0, len(text), None)] for name, text in texts.items()}
    return built(chunks, keywords=True, vectors=vectors.embed(list(texts.values())))


def all_of(*segments: Segment) -> list[Live]:
    return [live(segment, frozenset(segment.documents)) for segment in segments]


def ids(hits: list[Hit]) -> list[str]:
    return [hit.document_id for hit in hits]


@pytest.mark.parametrize("query", ["flowing over plates", "heated heat", "flow at high speed", "the wing and shock"])
def test_keyword_scores_are_those_of_bm25s_with_english_stemming(query: str) -> None:
    """The same numbers, whether the texts stand in one segment or in two."""
    stemmer, texts = Stemmer.Stemmer("english"), list(TEXTS.values())
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
    asked = bm25s.tokenize(query, stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False)[0]
    expected = index.get_scores(asked)
    whole, items = segment_of(TEXTS), list(TEXTS.items())
    split = [segment_of(dict(items[:2])), segment_of(dict(items[2:]))]
    for parts in (all_of(whole), all_of(*split)):
        np.testing.assert_allclose(np.concatenate(by_keyword(parts, terms(query))), expected, rtol=1e-5)


def test_documents_that_do_not_count_are_as_if_they_were_not_there() -> None:
    """Neither in the hits nor in the weights of words."""
    left = {name: text for name, text in TEXTS.items() if name != "shock"}
    hidden = [live(segment_of(TEXTS), frozenset(left))]
    query = terms("flow of heat")
    expected = best(all_of(segment_of(left)), 9, "keyword", terms=query)
    found = best(hidden, 9, "keyword", terms=query)
    assert ids(found) == ids(expected)
    assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected])


def test_merging_segments_changes_no_score() -> None:
    """And leaves behind what does not count."""
    items = list(TEXTS.items())
    first, second = segment_of(dict(items[:3])), segment_of(dict(items[3:]))
    one = merged([(first, frozenset({"heat", "flow"})), (second, frozenset({"pump", "shock"}))])
    assert one.documents == ("heat", "flow", "pump", "shock")
    assert b"propeller" not in to_bytes(one)
    expected = segment_of({name: TEXTS[name] for name in one.documents})
    query = {"terms": terms("high flow"), "vector": vectors.embed(["high flow"])[0]}
    for found, wanted in zip(
        best(all_of(one), 9, "hybrid", **query), best(all_of(expected), 9, "hybrid", **query), strict=True
    ):
        assert found.document_id == wanted.document_id
        assert found.score == pytest.approx(wanted.score)
        assert found.segment.passage(found.row) == TEXTS[found.document_id]


def test_a_segment_is_read_back_as_it_was() -> None:
    """Arrays, documents and texts."""
    segment = segment_of(TEXTS)
    again = from_bytes(to_bytes(segment))
    assert to_bytes(again) == to_bytes(segment)
    assert [again.passage(row) for row in range(5)] == list(TEXTS.values())


def test_texts_without_a_token_get_zeros_and_are_like_nothing() -> None:
    """Dividing by their length would give NaN."""
    rows = vectors.embed(["", "a pump", ""])
    assert np.isfinite(rows).all()
    assert np.linalg.norm(rows, axis=1).tolist() == [0.0, pytest.approx(1.0), 0.0]
    assert best(all_of(segment_of(TEXTS)), 5, "vector", vector=rows[0]) == []


def test_a_vector_finds_what_shares_no_word() -> None:
    """Keyword search cannot."""
    asked = "repairing an engine that moves liquids"
    parts = all_of(segment_of(TEXTS))
    assert "pump" not in ids(best(parts, 5, "keyword", terms=terms(asked)))
    assert ids(best(parts, 1, "vector", vector=vectors.embed([asked])[0])) == ["pump"]


def test_a_document_is_shown_once_by_its_best_passage() -> None:
    """However many of its chunks fit."""
    chunks = [Chunk(text, 0, len(text), None) for text in ("wing and wing", "a wing of a plane", "nothing of the kind")]
    segment = built({"many": chunks, "other": [Chunk("a pump", 0, 6, None)]}, keywords=True, vectors=None)
    (hit,) = best(all_of(segment), 5, "keyword", terms=terms("wing"))
    assert segment.passage(hit.row) == "wing and wing"


def test_an_empty_index_and_an_unknown_word_find_nothing() -> None:
    """No division by nothing."""
    assert best([], 5, "hybrid", terms=terms("wing"), vector=vectors.embed(["wing"])[0]) == []
    assert best(all_of(segment_of(TEXTS)), 5, "keyword", terms=terms("zebra")) == []


def test_where_a_line_ends_changes_no_vector() -> None:
    """A query is one line, and documents are wrapped."""
    wrapped, plain = vectors.embed(["a wing in\n  a slipstream", "a wing in a slipstream"])
    assert wrapped.tolist() == plain.tolist()
