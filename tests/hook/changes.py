"""How else hooks may be called than they were when a recording was made."""

import random
from collections.abc import Callable, Sequence

from tests.hook.player import Told

Change = Callable[[Sequence[Told]], list[Told]]


def twice(events: Sequence[Told]) -> list[Told]:
    """The same hook registered twice, or in the settings and in a plugin."""
    return [event for event in events for _ in range(2)]


def without(*names: str) -> Change:
    """All but these events."""
    return lambda events: [event for event in events if event.event not in names]


def last_before_the_end(*names: str) -> Change:
    """These events of each process after all its others but SessionEnd."""

    def rank(event: Told) -> tuple[int, int]:
        return event.process, 2 if event.event == "SessionEnd" else event.event in names

    return lambda events: sorted(events, key=rank)


def after_the_end(*names: str) -> Change:
    """These events of each process after its SessionEnd."""
    return lambda events: sorted(events, key=lambda event: (event.process, event.event in names))


def shuffled(rng: random.Random) -> Change:
    """The events of each prompt in any order; compactions are as they were."""

    def change(events: Sequence[Told]) -> list[Told]:
        found = list(events)
        for key in dict.fromkeys(map(_prompt, events)):
            places = [place for place, event in enumerate(events) if _prompt(event) == key and _may_move(event)]
            chosen = [events[place] for place in places]
            rng.shuffle(chosen)
            for place, event in zip(places, batches_last(chosen), strict=True):
                found[place] = event
        return found

    return change


def repeated(rng: random.Random) -> Change:
    """Some events told again, at once or later; not after their process."""

    def change(events: Sequence[Told]) -> list[Told]:
        found = list(events)
        for event in rng.sample(found, k=min(5, len(found))):
            if event.event != "SessionStart":  # told again, it says that its process is a new one
                latest = max(place for place, other in enumerate(found) if other.process == event.process)
                found.insert(rng.randint(found.index(event) + 1, latest + 1), event)
        return found

    return change


def batches_last(events: Sequence[Told]) -> list[Told]:
    """Each PostToolBatch after all that tells of its calls: the CLI waits for their hooks before it calls that one."""
    found: list[Told] = []
    waiting: list[tuple[Told, set[str]]] = []
    left = [event.payload.get("tool_use_id", "") for event in events]
    for event in events:
        if event.event == "PostToolBatch":
            waiting.append((event, {call["tool_use_id"] for call in event.payload["tool_calls"]}))
        else:
            found.append(event)
            left.remove(event.payload.get("tool_use_id", ""))
        ready = [batch for batch, calls in waiting if calls.isdisjoint(left)]
        waiting = [(batch, calls) for batch, calls in waiting if batch not in ready]
        found += ready
    return found


def _prompt(event: Told) -> tuple[int, object]:
    return event.process, event.payload.get("prompt_id")


def _may_move(event: Told) -> bool:
    is_compacting = event.event in ("PreCompact", "PostCompact") or event.payload.get("agent_type") == ""
    return event.event not in ("SessionStart", "SessionEnd") and not is_compacting
