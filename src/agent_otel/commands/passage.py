"""What became of a test execution at one hop of its way, and how that is shown."""

from collections.abc import Sequence
from typing import NamedTuple


class Passage(NamedTuple):
    """`well`: it came through; None when that was not asked, or could not be. `state` says more, for people."""

    name: str
    address: str
    well: bool | None
    state: str
    milliseconds: float | None = None


def broken(passages: Sequence[Passage]) -> Passage | None:
    """The first hop that it did not come through."""
    return next((passage for passage in passages if passage.well is False), None)


def as_object(execution_id: str, passages: Sequence[Passage]) -> dict[str, object]:
    """For JSON."""
    culprit = broken(passages)
    return {
        "success": culprit is None,
        "execution_id": execution_id or None,
        "broken": culprit.name if culprit else None,
        "hops": [_fields(passage) for passage in passages],
    }


def as_text(execution_id: str, passages: Sequence[Passage]) -> str:
    """For people: a line a hop, then what is broken."""
    names, addresses = max(len(each.name) for each in passages), max(len(each.address) for each in passages)
    lines = [
        f"{_mark(each)}  {each.name:<{names}}  {each.address:<{addresses}}  {_time(each):>8}  {each.state}"
        for each in passages
    ]
    culprit = broken(passages)
    lines += ["", f"broken: {culprit.name}: {culprit.state}" if culprit else "no hop is broken"]
    if execution_id:
        lines.append(f"the test execution: `agent-otel show {execution_id}`")
    return "\n".join(lines)


def _fields(passage: Passage) -> dict[str, object]:
    rounded = None if passage.milliseconds is None else round(passage.milliseconds, 1)
    return {**passage._asdict(), "milliseconds": rounded}


def _mark(passage: Passage) -> str:
    return {True: "ok", False: "--", None: "? "}[passage.well]


def _time(passage: Passage) -> str:
    return "" if passage.milliseconds is None else f"{passage.milliseconds:.0f} ms"
