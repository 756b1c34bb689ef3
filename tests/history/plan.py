"""Which families of executions there are, and when each begins: cheap, so that every process can know all of it."""

import random
from typing import Final, NamedTuple

from tests.history.times import Calendar

#: How a root's sub-agents run; how often, and how many executions such a family has, the root included.
_SHAPES: Final = {
    "alone": (600, 1, 1),
    "in turn": (180, 2, 4),
    "in parallel": (110, 3, 5),
    "deep": (40, 3, 6),
    "across traces": (30, 2, 3),
    "linked only": (15, 2, 2),
    "parent missing": (10, 1, 1),
    "wide": (2, 12, 24),
}


class Slot(NamedTuple):
    """A family that is to be: its number, shape, how many executions, and when its root starts (ns)."""

    family: int
    shape: str
    size: int
    start: int


class Plan(NamedTuple):
    """A whole history, ending at `until` (ns); the same plan is the same history, to the byte."""

    seed: int
    executions: int
    until: int

    @property
    def calendar(self) -> Calendar:
        """When things happen."""
        return Calendar(self.until)

    def slots(self) -> list[Slot]:
        """All families, in order of their start; their sizes add up to `executions`."""
        rng = random.Random(f"{self.seed}/plan")
        shapes = self._shapes(rng)
        instants = self.calendar.instants(len(shapes), rng)
        return [
            Slot(number, shape, size, at)
            for number, ((shape, size), at) in enumerate(zip(shapes, instants, strict=True))
        ]

    def _shapes(self, rng: random.Random) -> list[tuple[str, int]]:
        names, weights = list(_SHAPES), [weight for weight, _, _ in _SHAPES.values()]
        chosen: list[tuple[str, int]] = []
        left = self.executions
        while left:
            shape = rng.choices(names, weights)[0]
            _, least, most = _SHAPES[shape]
            size = min(rng.randint(least, most), left)
            chosen.append((shape if size >= least else "in turn", size))
            left -= size
        return chosen
