"""agent_otel.shell.arguments: every way to write an option, and what becomes of a wrong one."""

from typing import Any

import pytest

from agent_otel.shell import option as kinds
from agent_otel.shell.arguments import Arguments
from agent_otel.shell.option import Option

OPTIONS = (
    Option("--agent", kinds.words, "who", "NAME", required=True),
    Option("--percent", kinds.percent, "how far"),
    Option("--file-name", kinds.words, "a file", many=True),
    Option("--quiet", kinds.flag, "less", ""),
)


def read(*words: str) -> Arguments:
    """The words, read."""
    return Arguments(OPTIONS).read(words)


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (("--agent", "a"), {"agent": "a"}),
        (("--agent=a=b",), {"agent": "a=b"}),
        (("--agent", "-5"), {"agent": "-5"}),
        (("--agent", "-h"), {"agent": "-h"}),
        (("--agent", "a", "--agent", "b"), {"agent": "b"}),
        (("--agent", "a", "--quiet", "--percent", "5"), {"agent": "a", "quiet": True, "percent": 5}),
        (("--quiet", "false", "--agent", "a"), {"quiet": False, "agent": "a"}),
        (("--agent", "a", "--file-name", "x", "--file-name=y"), {"agent": "a", "file_name": ["x", "y"]}),
        (("--agent", "\udcff"), {"agent": "\\udcff"}),
    ],
)
def test_ways_to_write(words: tuple[str, ...], values: dict[str, Any]) -> None:
    """Apart, joined, repeated, with a dash in front, with bytes that are no UTF-8."""
    arguments = read(*words)
    assert (arguments.values, arguments.errors, arguments.unusable) == (values, [], False)


@pytest.mark.parametrize(
    ("words", "rejected", "error"),
    [
        (("--percent", "101"), {"percent": "101"}, "--percent '101': expected a number from 0 to 100"),
        (("--percent",), {"percent": ""}, "--percent needs a value"),
        (("--percent", "--quiet"), {"percent": ""}, "--percent needs a value"),
        (("--quiet=maybe",), {"quiet": "maybe"}, "--quiet 'maybe': expected true or false"),
        (("--colour", "red"), {"colour": "red"}, "unknown argument --colour: it may be one of --agent,"),
        (("--precent", "5"), {"precent": "5"}, "unknown argument --precent: did you mean --percent?"),
        (("--colour", "--quiet"), {"colour": "--colour"}, "unknown argument --colour"),
        (("one", "two"), {"arguments": "one two"}, "unknown argument one: put it behind an option"),
        (("--file-name", ""), {"file_name": ""}, "--file-name '': expected a text that is not empty"),
    ],
)
def test_a_wrong_optional_value_costs_only_itself(words: tuple[str, ...], rejected: dict[str, str], error: str) -> None:
    """It is kept as given, the error names argument, value and what is allowed, and the rest is read."""
    arguments = read("--agent", "a", *words)
    assert arguments.rejected == rejected
    assert arguments.errors[0].startswith(error)
    assert arguments.values["agent"] == "a"
    assert not arguments.unusable


@pytest.mark.parametrize("words", [(), ("--agent",), ("--agent", " "), ("--agent=",), ("--quiet",)])
def test_without_what_is_required_nothing_is_to_be_recorded(words: tuple[str, ...]) -> None:
    """Missing, empty or blank."""
    arguments = read(*words)
    assert arguments.unusable
    assert arguments.errors
    assert "--agent" in arguments.errors[0]


def test_what_follows_two_dashes_is_left_alone() -> None:
    """A command keeps its own options."""
    assert read("--agent", "a", "--", "make", "--quiet", "--", "x").rest == ["make", "--quiet", "--", "x"]
    assert read("--agent", "a", "--").rest == []
    assert read("--agent", "a").rest is None


def test_help_is_asked_for() -> None:
    """As an option, not as somebody's value."""
    assert read("--agent", "a", "--help").wants_help
    assert read("-h").wants_help
    assert not read("--agent", "--help").wants_help


def test_members_of_an_object() -> None:
    """Keys with underscores; lists for what may be repeated; null is not given."""
    arguments = Arguments(OPTIONS).read_object(
        {"agent": "a", "percent": 50.5, "file_name": ["x", "y"], "quiet": None, "colour": {"r": 1}}
    )
    assert arguments.values == {"agent": "a", "percent": 50.5, "file_name": ["x", "y"]}
    assert arguments.rejected == {"colour": {"r": 1}}
    assert not arguments.unusable


def test_several_refusals_of_one_argument_are_all_kept() -> None:
    """Nothing that was said is thrown away."""
    assert read("--agent", "a", "--percent", "x", "--percent", "y").rejected == {"percent": "x y"}


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (kinds.uuid, "0B3D1C3E6A0F4A7E9B572F0D2F7A9C11", "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"),
        (kinds.status, "FAILED", "error"),
        (kinds.status, "partial", "partial"),
        (kinds.percent, "50", 50),
        (kinds.percent, "50.5", 50.5),
        (kinds.score, "0.95", 0.95),
        (kinds.count, "12.0", 12),
        (kinds.json_object, '{"a": [1]}', {"a": [1]}),
        (kinds.json_text, " [1,2] ", "[1, 2]"),
        (kinds.instant, "2025-10-20T18:38:44Z", 1_760_985_524_000_000_000),
        (kinds.instant, "2025-10-20T20:38:44.000001+02:00", 1_760_985_524_000_001_000),
        (kinds.instant, "2025-10-20 18:38:44", 1_760_985_524_000_000_000),
        (kinds.any_text, {"a": 1}, '{"a": 1}'),
    ],
)
def test_values_are_read(kind: Any, given: object, value: object) -> None:
    """What is allowed, in the type that it has afterwards."""
    found = kind(given)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (kinds.uuid, "../../x"),
        (kinds.uuid, "00000000-0000-0000-0000-000000000000"),
        (kinds.uuid, "x" * 4096),
        (kinds.correlation, "00000000-0000-0000-0000-000000000000"),
        (kinds.status, "in_progress"),
        (kinds.percent, "nan"),
        (kinds.percent, "-0.1"),
        (kinds.percent, True),
        (kinds.score, "1.2"),
        (kinds.count, "1.5"),
        (kinds.count, "9" * 400),
        (kinds.count, "inf"),
        (kinds.json_object, "[1]"),
        (kinds.json_object, "{"),
        (kinds.json_object, "[" * 100_000),
        (kinds.json_object, '{"a": NaN}'),
        (kinds.json_text, ""),
        (kinds.instant, "yesterday"),
        (kinds.instant, "1969-12-31T00:00:00Z"),
        (kinds.priority, "urgent"),
        (kinds.step_kind, "thought"),
    ],
)
def test_values_are_refused_with_what_is_expected(kind: Any, given: object) -> None:
    """The message says what would be right."""
    with pytest.raises((ValueError, TypeError), match=r"expected|nil UUID"):
        kind(given)
