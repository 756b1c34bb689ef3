"""What a fault needs: the stack, its clients, the randomness of the run."""

import random
from dataclasses import dataclass, field

from tests.faults.clients import Client, Clients
from tests.faults.proxy import ResettingProxy
from tests.faults.rig import Rig


@dataclass
class Scene:
    """One kind of fault under way. `struck` is what it hit last."""

    rig: Rig
    clients: Clients
    rng: random.Random
    stop_seconds: float
    proxies: list[ResettingProxy] = field(default_factory=list)
    struck_client: Client | None = None
    struck_proxy: ResettingProxy | None = None
    struck_workers: list[int] = field(default_factory=list)
