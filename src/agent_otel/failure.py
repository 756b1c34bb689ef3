"""An exception, or a text, as the attributes that describe a failure."""

import traceback
from typing import Final

from agent_otel import semconv as s
from agent_otel.attribute_value import Value, printed, text

#: Characters of a stack trace that are kept: the head and, mostly, the tail, where the cause is.
MAX_STACKTRACE: Final = 64 * 1024


def is_cancellation(error: BaseException) -> bool:
    """Whether the block was told to stop: Ctrl-C, a cancelled task, a closed generator."""
    return not isinstance(error, Exception | SystemExit)


def is_clean_exit(error: BaseException) -> bool:
    """Whether it is ``sys.exit()`` without an error code."""
    return isinstance(error, SystemExit) and error.code in (None, 0)


def error_type(error: BaseException | str, fallback: str = s.ERROR_TYPE_OTHER) -> str:
    """The class as ``module.Name``, builtins without their module."""
    if isinstance(error, str):
        return fallback
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def error_message(error: BaseException | str) -> str:
    """The exception's own text, also when its class cannot make one."""
    if isinstance(error, str):
        return text(error)
    try:
        return text(str(error))
    except Exception:  # noqa: BLE001 - a user's __str__ may raise anything
        return printed(error)


def exception_attributes(error: BaseException | str, fallback: str = s.ERROR_TYPE_OTHER) -> dict[str, Value]:
    """Type, message and, for an exception, stack trace."""
    attributes: dict[str, Value] = {
        s.EXCEPTION_TYPE: error_type(error, fallback),
        s.EXCEPTION_MESSAGE: error_message(error),
    }
    if isinstance(error, BaseException):
        attributes[s.EXCEPTION_STACKTRACE] = _stacktrace(error)
    return attributes


def _stacktrace(error: BaseException) -> str:
    try:
        trace = text("".join(traceback.format_exception(error)))
    except Exception:  # noqa: BLE001 - formatting calls the user's __str__
        return printed(error)
    if len(trace) <= MAX_STACKTRACE:
        return trace
    head = MAX_STACKTRACE // 4
    return f"{trace[:head]}\n[…]\n{trace[-(MAX_STACKTRACE - head) :]}"
