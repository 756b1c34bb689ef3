"""How an execution ends, if it does, and which records tell of it."""

import random
from typing import Final

from tests.history import cast
from tests.history.cast import Character, Failure
from tests.history.execution import Execution
from tests.history.times import HOUR, SECOND, Calendar
from tests.history.wording import fill

#: Before `until`, nothing is told any more of what still runs.
_MARGIN: Final = 60 * SECOND
#: Who is silent for longer than a day is abandoned; those that run have been heard of later than this.
_RECENT: Final = 18 * HOUR
_LONG_AGO: Final = 30 * HOUR
_RUNNING, _ABANDONED, _CANCELLED, _PARTIAL = 0.2, 0.025, 0.04, 0.28
_IN_AN_OUTAGE: Final = 0.15
_MOST_HEARTBEATS: Final = 5


def end(execution: Execution, character: Character, calendar: Calendar, rng: random.Random) -> int:
    """Decide the fate of an execution whose planned end is `ended`; return until when it did something (ns)."""
    assert execution.ended is not None
    latest = calendar.until - _MARGIN
    planned, execution.ended = execution.ended, None
    if not execution.placed:
        return _concluded(execution, character, calendar, rng, execution.started)
    if execution.foreign:
        return _concluded(execution, character, calendar, rng, min(planned, latest))
    recent = execution.started > calendar.until - _RECENT
    if planned > latest or (recent and rng.random() < _RUNNING):
        return _silent(execution, min(planned, latest))
    if rng.random() < _ABANDONED:
        return _abandoned(execution, calendar, rng, planned)
    return _concluded(execution, character, calendar, rng, planned)


def _silent(execution: Execution, last: int) -> int:
    execution.final_span = execution.end_event = False
    return last


def _abandoned(execution: Execution, calendar: Calendar, rng: random.Random, planned: int) -> int:
    last = execution.started + int((planned - execution.started) * rng.uniform(0.2, 0.9))
    late = execution.started > calendar.until - _LONG_AGO
    if late and last > calendar.until - HOUR:
        return _silent(execution, last)  # too soon to be called abandoned
    if late or rng.random() < 0.3:
        beats = min((last - execution.started) // (60 * SECOND), _MOST_HEARTBEATS)
        execution.heartbeats = [execution.started + (number + 1) * 60 * SECOND for number in range(beats)] or [last]
    return _silent(execution, last)


def _concluded(execution: Execution, character: Character, calendar: Calendar, rng: random.Random, ended: int) -> int:
    execution.ended = ended
    _records(execution, rng)
    if rng.random() < _CANCELLED:
        execution.status = "cancelled"
        return ended
    first, last = character.success
    chance = first + (last - first) * calendar.position(execution.started)
    outage = calendar.is_outage(execution.started)
    if rng.random() < chance * (_IN_AN_OUTAGE if outage else 1.0):
        execution.status = "success"
        return ended
    execution.status = "partial" if rng.random() < _PARTIAL else "error"
    failure = cast.OUTAGE if outage and rng.random() < 0.85 else _failure(character, rng)
    execution.error_type = failure.error_type
    execution.error_message = fill(failure.message, rng) if failure.message else None
    return ended


def _failure(character: Character, rng: random.Random) -> Failure:
    return rng.choices(character.failures, [failure.weight for failure in character.failures])[0]


def _records(execution: Execution, rng: random.Random) -> None:
    """Most are told by start, end and span; senders of other kinds leave one or two of them out."""
    if not execution.placed:
        execution.start_event = execution.final_span = False
        return
    drawn = rng.random()
    if execution.foreign or drawn < 0.06:
        execution.start_event = execution.end_event = False
    elif drawn < 0.09:
        execution.final_span = False
    elif drawn < 0.12:
        execution.end_event = False
