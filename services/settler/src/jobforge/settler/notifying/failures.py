"""The ways in which a message is not handed over; each keeps its code for ever."""

from jobforge.execution.errors import Retryable, Terminal


class ChannelOff(Terminal):
    """The service has no setting for the channel."""

    code = "notification.channel_off"


class TargetRefused(Terminal):
    """The address is none that this service may call."""

    code = "notification.target_refused"


class Rejected(Terminal):
    """The far side answered that it will never take the message."""

    code = "notification.rejected"


class Untrusted(Terminal):
    """The far side could not prove who it is, or offers no encryption where it is asked for."""

    code = "notification.untrusted"


class NameUnresolved(Retryable):
    """The host's name has no address now."""

    code = "notification.name_unresolved"


class FarSideAway(Retryable):
    """The far side did not answer in time, so that nobody knows whether it took the message."""

    code = "notification.far_side_away"


class Deferred(Retryable):
    """The far side answered that it may take the message later."""

    code = "notification.deferred"


class RunNotArchived(Retryable):
    """The run to tell of is unknown to the tenant, or has not ended yet."""

    code = "notification.run_not_archived"
