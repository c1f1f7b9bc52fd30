"""The ways in which a draft fails; each keeps its code for ever."""

from jobforge.execution.errors import Retryable, Terminal


class SourceUnsupported(Terminal):
    """A document is no plain text or Markdown in UTF-8; index it and name the index instead."""

    code = "source.unsupported_type"


class SourceTooLarge(Terminal):
    """A document has more bytes than a source may have."""

    code = "source.too_large"


class KnowledgeIndexMissing(Terminal):
    """The tenant has no knowledge index of that name."""

    code = "knowledge.index_missing"


class KnowledgeRefused(Terminal):
    """The plane refuses the search: a template or flag is off, or the request is wrong."""

    code = "knowledge.refused"


class KnowledgeSearchFailed(Terminal):
    """The search ran and failed for good; its own run says why."""

    code = "knowledge.search_failed"


class KnowledgeUnavailable(Retryable):
    """The plane cannot be reached, or the search did not end in time."""

    code = "knowledge.unavailable"


class ModelNotConfigured(Terminal):
    """The job asks for a model, and the service has no endpoint of one."""

    code = "model.not_configured"


class ModelUnavailable(Retryable):
    """The model's endpoint cannot be reached, or fails."""

    code = "model.unavailable"


class ModelOverloaded(Retryable):
    """The model's endpoint asks to come back later."""

    code = "model.overloaded"


class ModelTimedOut(Retryable):
    """The model's endpoint fell silent, or was not done in time."""

    code = "model.timeout"


class ModelRejected(Terminal):
    """The model's endpoint rejects the request: its key, its model or its size."""

    code = "model.rejected"


class ModelRefused(Terminal):
    """The model declines to write about the topic."""

    code = "model.refused"


class ModelUnusable(Terminal):
    """What the endpoint answered is no draft, or not of the protocol."""

    code = "model.unusable"


class ModelEmpty(Terminal):
    """The model answered nothing."""

    code = "model.empty"


class ModelCutOff(Terminal):
    """The draft is longer than the model may answer."""

    code = "model.cut_off"
