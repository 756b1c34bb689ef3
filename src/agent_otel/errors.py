"""The exceptions that agent-otel raises. A class's docstring is its message when none is given."""


class AgentOtelError(Exception):
    """agent-otel could not do what was asked."""

    def __init__(self, message: str | None = None, limit: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)
        #: Name of the exporter's limit that was hit, when one was.
        self.limit = limit


class ConfigurationError(AgentOtelError):
    """A setting is missing or wrong."""


class UnknownExecutionError(AgentOtelError):
    """The execution is not known to this process or host; give correlation_id=… as well."""


class UnknownQuarantineError(AgentOtelError):
    """The quarantine holds nothing of that id."""


class DatabaseUnavailableError(AgentOtelError):
    """PostgreSQL cannot be reached."""


class SchemaError(AgentOtelError):
    """The database schema is not the one that this version needs."""


class LocalStackError(AgentOtelError):
    """A part of the local stack could not be started."""


class RetryableError(AgentOtelError):
    """The store cannot take this now; send it again later."""


class OverloadedError(RetryableError):
    """More is under way than the limits allow; send it again later."""


class RequestTooLargeError(AgentOtelError):
    """The request is larger than the limit; split it."""


class MalformedRequestError(AgentOtelError):
    """The request is not an OTLP export request."""


class UnsupportedError(AgentOtelError):
    """This receiver does not take that."""
