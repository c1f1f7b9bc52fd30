"""The ways in which indexing and searching fail, beside those of reading; each keeps its code for ever."""

from jobforge.execution.errors import Retryable, Terminal


class DocumentEmpty(Terminal):
    """The file holds no words, as a scan does; run it through text recognition first."""

    code = "document.empty"


class IndexMissing(Terminal):
    """The tenant has no index of that name."""

    code = "index.not_found"


class IndexTypeMismatch(Terminal):
    """The index is of another type than the job asks for."""

    code = "index.type_mismatch"


class EmbedderMismatch(Terminal):
    """The index holds vectors of another model, or of another dimension, than the service uses now."""

    code = "index.embedder_mismatch"


class IndexFull(Terminal):
    """The index would hold more chunks than an index may hold."""

    code = "index.full"


class IndexBusy(Retryable):
    """Other jobs changed the index each time this one was about to."""

    code = "index.busy"


class EmbeddingsUnavailable(Retryable):
    """The embedding endpoint could not be reached, took too long, or is overloaded."""

    code = "embeddings.unavailable"


class EmbeddingsRefused(Terminal):
    """The embedding endpoint refused the request: its key, its model, or what was sent."""

    code = "embeddings.refused"


class EmbeddingsUnusable(Retryable):
    """The embedding endpoint answered what is no list of vectors of one dimension."""

    code = "embeddings.unusable"
