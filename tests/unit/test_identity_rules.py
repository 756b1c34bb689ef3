"""agent_otel.identity: the rules of identity by known answers, and against the uuid module."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_otel import identity, ids

RANDOM = 0x0B3D1C3E_6A0F_4A7E_9B57_2F0D2F7A9C11  # version 4
TIMED = 0x01890A5D_AC96_774B_BCCE_B302099A8057  # version 7
HOSTED = 0x6BA7B810_9DAD_11D1_80B4_00C04FD430C8  # version 1


def test_the_namespace_never_changes() -> None:
    """It is the name agent-otel in the namespace of DNS."""
    assert uuid.uuid5(uuid.NAMESPACE_DNS, "agent-otel").int == identity.NAMESPACE
    assert identity.spelled(identity.NAMESPACE) == "aa19654d-ae20-55b7-96aa-67f4c41ccca2"


def test_known_answers() -> None:
    """Stored ids are derived by these rules, so they never change."""
    assert identity.trace_id(identity.spelled(RANDOM)) == RANDOM
    assert f"{identity.trace_id('ticket-42'):032x}" == "8f06a09ca234be6aefdeb8f87b63117e"
    assert f"{identity.execution_span_id(RANDOM):016x}" == "9b572f0d2f7a9c11"
    assert f"{identity.execution_span_id(TIMED):016x}" == "bcceb302099a8057"
    assert f"{identity.execution_span_id(HOSTED):016x}" == "5a264b760e3ec8f6"
    assert f"{identity.step_span_id(identity.spelled(RANDOM), 'toolu_01'):016x}" == "cc0d02a91b0ef17b"
    assert (
        identity.spelled(identity.named_uuid(RANDOM, "aotel.execution.started"))
        == "5c3d683b-13d3-539a-a312-4c1abd215e27"
    )


@pytest.mark.parametrize("correlation", ["", "00000000-0000-0000-0000-000000000000", "0" * 32])
def test_no_trace_of_nothing(correlation: str) -> None:
    """W3C Trace Context has no all-zero trace id."""
    with pytest.raises(ValueError, match="give"):
        identity.trace_id(correlation)


@pytest.mark.parametrize("text", ["", "x" * 36, "0b3d1c3e 6a0f 4a7e 9b57 2f0d2f7a9c11", "0_" * 16, "../../x", "é" * 32])
def test_what_is_no_uuid(text: str) -> None:
    """None, not an error."""
    assert identity.parse(text) is None


@given(st.uuids(), st.text())
def test_the_same_as_the_uuid_module(given_uuid: uuid.UUID, name: str) -> None:
    """Spelling, reading, version and naming."""
    assert identity.spelled(given_uuid.int) == str(given_uuid)
    assert identity.parse(str(given_uuid)) == identity.parse(given_uuid.hex) == given_uuid.int
    assert identity.version(given_uuid.int) == given_uuid.version
    assert ids.event_id(given_uuid, name) == uuid.uuid5(given_uuid, name)


def test_new_ones_are_random() -> None:
    """Version 4, and never twice."""
    made = {identity.new_uuid() for _ in range(1_000)}
    assert len(made) == 1_000
    assert {identity.version(one) for one in made} == {4}


def test_a_lone_surrogate_is_hashed_as_it_is_spelled() -> None:
    """What no UTF-8 can carry leads to the id that its spelling leads to."""
    assert identity.trace_id("\ud800") == identity.trace_id("\\ud800")
