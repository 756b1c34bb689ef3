"""What the user asked for, and what was sent to the agent."""

import uuid
from contextlib import closing

import pytest

from agent_otel import semconv as s
from agent_otel.store.connection import connect
from agent_otel.store.writer import Writer
from tests.fixtures.executions import event

_SHOWN = "SELECT user_request, prompt_sent FROM agent_executions WHERE execution_id = %(id)s"


@pytest.mark.parametrize(
    ("stated", "shown"),
    [
        ({s.USER_REQUEST: "asked", s.GEN_AI_INPUT_MESSAGES: "sent"}, ("asked", "sent")),
        ({s.GEN_AI_INPUT_MESSAGES: "sent"}, ("sent", "sent")),
        ({s.USER_REQUEST: "asked"}, ("asked", None)),
        ({}, (None, None)),
    ],
)
def test_without_a_request_of_its_own_the_prompt_is_the_request(
    database_url: str, stated: dict[str, str], shown: tuple[str | None, str | None]
) -> None:
    """An agent that a user talks to gets the request itself; a prompt is never made of a request."""
    execution_id = uuid.uuid4()
    with closing(Writer(database_url)) as writer:
        writer.write(event(execution_id, s.EVENT_STARTED, 0, stated))
    with connect(database_url, application="test") as connection:
        assert connection.execute(_SHOWN, {"id": execution_id}).fetchall() == [shown]
