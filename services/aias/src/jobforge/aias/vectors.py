"""Vectors of texts from the table that the wordllama wheel brings: the mean of the vectors of a text's tokens."""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from jobforge.aias.embedders import BUILT_IN_DIMENSIONS

Vectors = NDArray[np.float32]

_TOKENS = 8_192
"""Tokens of a text that count; a chunk has at most a quarter of them."""


def embed(texts: Sequence[str]) -> Vectors:
    """One row of length 1 for each text; a text without a token gets zeros, which are like nothing."""
    tokenizer, table = _model()
    rows = np.zeros((len(texts), BUILT_IN_DIMENSIONS), np.float32)
    # Where a line ends says nothing, and would be a token like a word.
    unwrapped = [" ".join(text.split()) for text in texts]
    for row, encoded in zip(rows, tokenizer.encode_batch(unwrapped, add_special_tokens=False), strict=True):
        if encoded.ids:
            row[:] = table[encoded.ids].mean(axis=0, dtype=np.float32)
    return normalised(rows)


def normalised(rows: Vectors) -> Vectors:
    """Each row scaled to the length 1; one of zeros stays as it is."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Vectors = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return scaled


@cache
def _model() -> tuple[Tokenizer, NDArray[np.float16]]:
    """Read without importing the package, which looks for its own tokenizer in the wrong folder."""
    spec = find_spec("wordllama")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("wordllama is not installed; it brings the built-in vectors", name="wordllama")
    folder = Path(spec.origin).parent
    tokenizer = Tokenizer.from_file(str(folder / "tokenizers" / "l2_supercat_tokenizer_config.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_TOKENS)
    (table,) = load_file(folder / "weights" / "l2_supercat_256.safetensors").values()
    return tokenizer, table
