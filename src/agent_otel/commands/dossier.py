"""Everything about one execution, on one page."""

import uuid
from typing import Final

from agent_otel import ids
from agent_otel.commands import section_rendering
from agent_otel.errors import AgentOtelError, UnknownExecutionError
from agent_otel.store.audit_reader import AuditReader

_LAST: Final = "last"


def show(database_url: str, wanted: str, form: str) -> int:
    """Print the dossier of the execution that an id, a correlation id or `last` names.

    Raises UnknownExecutionError, and AgentOtelError when it holds JSON that is nested too deeply for Python.
    """
    with AuditReader(database_url) as reader:
        execution_id = _find(reader, wanted)
        try:
            page = section_rendering.render(reader.dossier(execution_id), form, f"Execution {execution_id}")
        except RecursionError:
            raise AgentOtelError(
                "it holds JSON that is nested too deeply to be shown; agent_execution_documents has it"
            ) from None
    print(page)
    return 0


def _find(reader: AuditReader, wanted: str) -> uuid.UUID:
    # A correlation id that is no UUID: its trace id is derived from it.
    name = None if wanted == _LAST else ids.parse_uuid(wanted) or ids.correlation_uuid(ids.trace_id(wanted))
    found = reader.find(name)
    if found is None:
        raise UnknownExecutionError(
            "there is no execution yet" if wanted == _LAST else f"no execution or correlation has the id {wanted!r}"
        )
    return found
