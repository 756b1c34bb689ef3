"""What the later calls of an execution need of the earlier ones: a file of JSON lines beside the execution's own.

The first line is what its start stated, the others are its progress and what its steps did; the final span repeats all
of it. A line that is torn or was tampered with is passed over.
"""

from __future__ import annotations

from agent_otel import plain_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final

    from agent_otel.open_execution import ExecutionFolder
    from agent_otel.shell.lineage import Lineage

#: Progress events on one span (SDKs keep 128 events of all kinds); the first so many, all are log records.
MAX_SPAN_EVENTS: Final = 100
#: Members of one list; as many as the row of an execution keeps.
MAX_MEMBERS: Final = 1_000


class Journal:
    """`attributes`, `links`, `parent_span_id`, `trace_state`: of the start. `events`: finished OTLP span events.

    `united`: lists by attribute, of what was told after the start. `verdict`: the last one, for the span alone.
    """

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.links: list[tuple[int, int, str]] = []
        self.parent_span_id = 0
        self.trace_state = ""
        self.events: list[str] = []
        self.latest: dict[str, Any] = {}
        self.united: dict[str, list[str]] = {}
        self.verdict: dict[str, Any] = {}

    def merge_metadata(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """The metadata of all calls by key, the later over the earlier; what was refused adds up."""
        rejected = {**self.metadata.get("rejected", {}), **metadata.get("rejected", {})}
        self.metadata = {**self.metadata, **metadata}
        if rejected:
            self.metadata["rejected"] = rejected
        return self.metadata


def start_line(attributes: dict[str, object], metadata: dict[str, object], place: Lineage) -> str:
    """The line of a start."""
    return plain_json.dumps(
        {
            "attributes": attributes,
            "metadata": metadata,
            "links": place.links,
            "parent_span_id": place.parent_span_id,
            "trace_state": place.trace_state,
        }
    )


def progress_line(event: str, latest: dict[str, object], metadata: dict[str, object]) -> str:
    """The line of a progress event: the finished event, and the attributes that hold until the next one."""
    return plain_json.dumps({"event": event, "latest": latest, "metadata": metadata})


def united_line(lists: Mapping[str, Sequence[str]]) -> str:
    """The line of what a step did or a call added: members of lists that the end states whole."""
    return plain_json.dumps({"united": lists})


def said_line(event: str, verdict: Mapping[str, object]) -> str:
    """The line of what was said about the execution while it ran: the finished event; of a verdict, its attributes."""
    return plain_json.dumps({"event": event, "latest": {}, "verdict": verdict})


def union(*lists: Sequence[str]) -> list[str]:
    """The members of lists in the order in which they were told, each once."""
    return list(dict.fromkeys([member for members in lists for member in members]))


def read(folder: ExecutionFolder, execution_id: str) -> Journal:
    """All that is known of the execution's start and progress; empty when it began elsewhere."""
    journal = Journal()
    for line in folder.read(f"{execution_id}.events").splitlines():
        try:
            _take(journal, plain_json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
    return journal


def _take(journal: Journal, entry: dict[str, Any]) -> None:
    if "united" in entry:
        for attribute, members in entry["united"].items():
            known = journal.united.setdefault(attribute, [])
            known += [str(member) for member in members if member not in known][: MAX_MEMBERS - len(known)]
        return
    journal.merge_metadata(entry.get("metadata") or {})
    if "event" in entry:
        plain_json.loads(entry["event"])["name"]
        journal.latest.update(entry["latest"])
        is_said = "verdict" in entry
        if len(journal.events) < (MAX_MEMBERS if is_said else MAX_SPAN_EVENTS):
            journal.events.append(entry["event"])
            journal.verdict = entry.get("verdict") or journal.verdict  # on the span only beside its event
        return
    journal.attributes = dict(entry["attributes"])
    journal.links = [(int(trace), int(span), str(kind)) for trace, span, kind in entry["links"]]
    journal.parent_span_id = int(entry["parent_span_id"])
    journal.trace_state = str(entry["trace_state"])
