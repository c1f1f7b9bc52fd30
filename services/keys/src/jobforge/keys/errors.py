"""The ways in which adding up usage fails; each keeps its code for ever."""

from jobforge.execution.errors import Retryable, Terminal


class PeriodUnknown(Terminal):
    """The period is no month, day or ``start/end``, or has a local time that comes twice or never."""

    code = "usage.period_unknown"


class GranularityUnknown(Terminal):
    """The granularity is none of hourly, daily and monthly."""

    code = "usage.granularity_unknown"


class TimeZoneUnknown(Terminal):
    """There is no time zone of that name."""

    code = "usage.time_zone_unknown"


class RangeAbsurd(Terminal):
    """The period ends before it starts, is too long, or lies outside the years that can be asked for."""

    code = "usage.range_absurd"


class ResultTooLarge(Terminal):
    """Keys times buckets are more rows than a result may have."""

    code = "usage.result_too_large"


class TotalTooLarge(Terminal):
    """A sum is beyond what JSON carries exactly."""

    code = "usage.total_too_large"


class UsageBehind(Retryable):
    """The service has not yet stored all usage that was accepted before the job began."""

    code = "usage.behind"


class UsageLogUnavailable(Retryable):
    """Kafka did not say how far the usage events go."""

    code = "usage.log_unavailable"


class UsageMoving(Retryable):
    """Files were compacted under each of the job's attempts to read them."""

    code = "usage.files_moving"


class UsageUnreadable(Terminal):
    """A stored usage file is broken."""

    code = "usage.file_unreadable"
