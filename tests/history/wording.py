"""Texts with numbers, ids and paths in them, as failures, commands and prompts have."""

import random
import re
import uuid
from collections.abc import Callable
from typing import Final

_PATHS: Final = ("/srv/app/src/main.py", "/home/build/shop/tests/test_cart.py", "/var/lib/agents/run-7/out.json")
_HOSTS: Final = ("upstream", "registry", "search")
_NAMES: Final = ("orders", "cart total", "deploy-prod", "jq")


def new_uuid(rng: random.Random) -> uuid.UUID:
    """A version 4 UUID from the seed."""
    return uuid.UUID(int=rng.getrandbits(128), version=4)


def _quoted(rng: random.Random) -> str:
    name = f"{rng.choice(_NAMES)} {rng.randrange(9)}"
    return f"'{name}'" if rng.random() < 0.5 else f'"{name}"'


_PARTS: Final[dict[str, Callable[[random.Random], str]]] = {
    "n": lambda rng: str(rng.randrange(1, 900)),
    "cost": lambda rng: f"{rng.randrange(1, 90)}.{rng.randrange(10, 99)}",
    "uuid": lambda rng: str(new_uuid(rng)),
    # A leading digit: a run of letters a to f alone is a word.
    "sha": lambda rng: f"{rng.randrange(10)}{rng.getrandbits(36):09x}",
    "hex": lambda rng: f"{rng.getrandbits(32):x}",
    "path": lambda rng: rng.choice(_PATHS),
    "host": lambda rng: rng.choice(_HOSTS),
    "quoted": _quoted,
    "pr": lambda rng: str(rng.randrange(1, 4000)),
}
_PART: Final = re.compile(r"\{(\w+)\}")


def fill(template: str, rng: random.Random) -> str:
    """The template with a new value for each of its parts."""
    return _PART.sub(lambda found: _PARTS[found[1]](rng), template)
