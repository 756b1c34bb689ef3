"""The execution that a person names: by its id, by a correlation id, or as the last one."""

from collections.abc import Callable
from typing import Final

from agent_otel import identity, ids
from agent_otel.commands import database
from agent_otel.errors import AgentOtelError, ConfigurationError, UnknownExecutionError

LAST: Final = "last"


def resolve(wanted: str, database_url: str | None, tell: Callable[[str], None]) -> tuple[str, bool]:
    """Its id, and whether the database has it, or cannot be asked.

    An execution id needs no database: it holds even when none has it. `tell` is told that one that was named cannot be
    asked. Raises AgentOtelError for another name that no database knows, or for which there is none.
    """
    is_id = bool(identity.parse(wanted))
    url = database_url or database.known_url()
    try:
        found = _ask(url, wanted)
    except (AgentOtelError, ModuleNotFoundError) as error:
        if not is_id:
            raise
        if url is not None and not isinstance(error, ModuleNotFoundError):
            tell(f"whether there is such an execution is not known: {error}")
        return _spelled(wanted), True
    if found is None and not is_id:
        raise UnknownExecutionError(
            "there is no execution yet" if wanted == LAST else f"no execution or correlation has the id {wanted!r}"
        )
    return found or _spelled(wanted), found is not None


def _ask(url: str | None, wanted: str) -> str | None:
    if url is None:
        raise ConfigurationError(
            f"{wanted!r} is no execution id, and there is no database to look it up: start the local stack with "
            "`agent-otel up --detach`, or set AGENT_OTEL_DATABASE_URL"
        )
    from agent_otel.store.reader import Reader  # the client alone has no driver of the database

    name = None if wanted == LAST else ids.parse_uuid(wanted)
    if wanted != LAST and not name:
        # A correlation id that is no UUID: its trace id is derived from it.
        try:
            name = ids.correlation_uuid(ids.trace_id(wanted))
        except ValueError as error:
            raise UnknownExecutionError(f"{wanted!r} names no execution: {error}") from None
    with Reader(url) as reader:
        found = reader.find(name)
    return str(found) if found else None


def _spelled(execution_id: str) -> str:
    return identity.spelled(identity.parse(execution_id) or 0)
