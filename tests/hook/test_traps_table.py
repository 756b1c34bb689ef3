"""Which tests stand for which trap of the page of measurements, section 1; none may be missing."""

import ast
from functools import cache
from pathlib import Path
from typing import Final

import pytest

_TESTS: Final = Path(__file__).parents[1]
_RULES: Final = "contract/test_http_rules.py"
_TRAPS: Final = "hook/test_traps.py"

TRAPS: Final[dict[str, tuple[str, ...]]] = {
    "1 StopFailure is not waited for": (
        f"{_TRAPS}::test_trap_1_stop_failure_is_killed_or_late",
        f"{_TRAPS}::test_trap_1_session_end_without_stop_is_no_success",
        "hook/test_same_rows.py::test_stop_failure_after_session_end",
        "unit/test_claude_plugin.py::test_sigterm_does_not_end_it",
    ),
    "2 denied tools and schema errors have only PostToolBatch": (f"{_TRAPS}::test_trap_2_told_by_the_batch_alone",),
    "3 background sub-agents": (
        f"{_TRAPS}::test_trap_3_background_sub_agents",
        "hook/test_same_rows.py::test_subagent_start_after_post_tool_use_of_agent",
    ),
    "4 no parent in SubagentStart": (f"{_TRAPS}::test_trap_4_no_parent_in_subagent_start",),
    "5 /compact": (f"{_TRAPS}::test_trap_5_compact",),
    "6 --fork-session": (f"{_TRAPS}::test_trap_6_fork_session",),
    "7 interrupts": (
        f"{_TRAPS}::test_trap_7_interrupts",
        "hook/test_hooks_at_once.py::test_flush_closes_what_its_owner_left",
    ),
    "8 SessionEnd has a second and a half": (
        f"{_TRAPS}::test_trap_8_session_end_is_over_in_time",
        "hook/test_killed_hooks.py::test_killed_anywhere",
    ),
    "9 OTLP bodies without content-length": (
        "contract/test_http_rules.py::test_chunked_bodies_without_a_length_are_taken",
    ),
    "10 unknown events, hooks that run twice": (
        "unit/test_claude_plugin.py::test_every_event_is_one_that_the_oldest_version_knows",
        f"{_TRAPS}::test_trap_10_plugin_and_settings_together",
        "hook/test_same_rows.py::test_every_hook_twice",
    ),
    "11 secrets in the environment": (
        f"{_TRAPS}::test_trap_11_secrets_in_the_environment",
        "hook/test_hook_secrets.py::test_in_everything_that_a_hook_is_told",
    ),
}


@cache
def _tests(path: str) -> frozenset[str]:
    tree = ast.parse((_TESTS / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_has_its_tests(trap: str) -> None:
    """Each names at least one test, and all of them exist."""
    assert TRAPS[trap]
    for name in TRAPS[trap]:
        path, _, test = name.partition("::")
        assert test in _tests(path), name


def test_no_trap_is_missing() -> None:
    """The page has eleven."""
    assert [int(trap.split()[0]) for trap in TRAPS] == list(range(1, 12))
