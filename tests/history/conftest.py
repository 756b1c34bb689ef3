"""A small history that the tests of this folder share."""

import pytest

from tests.history.execution import Execution
from tests.history.family import family
from tests.history.plan import Plan

#: 2026-07-01 00:00:00 UTC: any instant will do.
UNTIL = 1_782_864_000 * 10**9


@pytest.fixture(scope="session")
def plan() -> Plan:
    """1,500 executions."""
    return Plan(seed=7, executions=1500, until=UNTIL)


@pytest.fixture(scope="session")
def executions(plan: Plan) -> list[Execution]:
    """All executions of the plan."""
    return [execution for slot in plan.slots() for execution in family(plan, slot)]
