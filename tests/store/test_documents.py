"""The mandatory fields' own JSON document goes in as OTLP and comes out of SQL, member for member."""

import json
import random
import uuid
from contextlib import closing
from typing import Any

import pytest

from agent_otel import semconv as s
from agent_otel.store.connection import connect
from agent_otel.store.writer import Writer
from tests.fixtures import mandatory
from tests.fixtures.executions import final_span
from tests.fixtures.seed_schemas import paths_of


def document(url: str, execution_id: uuid.UUID) -> Any:
    """The document as psql shows it, parsed: the order of its members is that of the text."""
    statement = "SELECT document::text FROM agent_execution_documents WHERE execution_id = %s"
    with connect(url, application="test") as connection:
        ((text,),) = connection.execute(statement, [execution_id]).fetchall()
    return json.loads(text)


@pytest.mark.parametrize("seed", range(3))
def test_the_document_is_what_was_written(database_url: str, seed: int) -> None:
    """Equal to what was written, in any order of arrival; members stand in the order of the requirements."""
    written = mandatory.execution()
    batches = list(written.batches)
    random.Random(seed).shuffle(batches)
    with closing(Writer(database_url)) as writer:
        for batch in batches:
            writer.write(batch)
    found = document(database_url, written.execution_id)
    assert found == written.document
    assert list(paths_of(found)) == list(paths_of(written.document))


def test_a_document_of_an_execution_that_says_little(database_url: str) -> None:
    """Nothing is missing: lists are empty, all else null."""
    execution_id = uuid.uuid4()
    with closing(Writer(database_url)) as writer:
        writer.write(final_span(execution_id, 1_000_000, {}))
    found = document(database_url, execution_id)
    assert found["duration_ms"] == 1
    assert found["execution"] == {"actions_taken": [], "real_time_status": None, "resource_usage": None}
    assert found["verification"]["success_criteria_met"] == found["issues"] == []
    assert found["agent_metadata"] == {"name": None, "version": None, "tools_available": [], "configuration": None}


@pytest.mark.parametrize(
    ("definitions", "names"),
    [
        ('[{"name": "a"}, {"type": "function", "function": {"name": "b"}}, "c", 1, null, {"x": 1}]', None),
        ("Read, Write", ["Read, Write"]),
        ('{"name": "a"', ['{"name": "a"']),
        ("[" * 50_000, ["[" * 50_000]),
        ("[]", []),
    ],
)
def test_tools_of_any_form_are_names(database_url: str, definitions: str, names: list[str] | None) -> None:
    """Definitions, bare names, any other text."""
    execution_id = uuid.uuid4()
    with closing(Writer(database_url)) as writer:
        writer.write(final_span(execution_id, 1, {s.GEN_AI_TOOL_DEFINITIONS: definitions}))
    expected = ["a", "b", "c", "1", None, '{"x": 1}'] if names is None else names
    assert document(database_url, execution_id)["agent_metadata"]["tools_available"] == expected


@pytest.mark.parametrize(
    ("stated", "shown"),
    [('{"a": [1]}', {"a": [1]}), ("plain text", "plain text"), ("[1, 2]", "[1, 2]"), ("{broken", "{broken")],
)
def test_a_configuration_is_an_object_or_a_text(database_url: str, stated: str, shown: Any) -> None:
    """A JSON object is one; any other text stands as it is."""
    execution_id = uuid.uuid4()
    with closing(Writer(database_url)) as writer:
        writer.write(final_span(execution_id, 1, {s.AGENT_CONFIGURATION: stated}))
    assert document(database_url, execution_id)["agent_metadata"]["configuration"] == shown
