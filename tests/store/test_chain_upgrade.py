"""Executions that were stored before the chain was known get their place in it."""

from contextlib import closing
from typing import Any, LiteralString

import pytest

from agent_otel.store import migrations
from agent_otel.store.connection import connect
from agent_otel.store.writer import Writer
from tests.fixtures.chains import LOST, Chains, Member, batch
from tests.fixtures.executions import START_NS
from tests.fixtures.quarantine import query

_FACTS: LiteralString = "SELECT execution_id, facts FROM executions ORDER BY 1"


def _before_chain(shipped: Any) -> Any:
    """What was shipped before; what builds on the chain is left out, too."""

    def is_older(folder: str, name: str) -> bool:
        return name < "0102" if folder == "migrations" else not "36" <= name < "90"

    def texts(folder: str) -> dict[str, LiteralString]:
        return {name: text for name, text in shipped(folder).items() if is_older(folder, name)}

    return texts


def test_facts_of_the_chain_are_made_of_stored_spans(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same facts as if the spans came today, so that a replay changes nothing; and the chain is there."""
    members = [
        *(Member("foreign"), Member("foreign", above=("step", 0)), Member("foreign", link=1, trace=1)),
        *(Member(stated=2, above=("execution", 0), link=1), Member("running", stated=3), Member("foreign", link=LOST)),
    ]
    chains = Chains(members, START_NS)
    records = batch(list(chains.records()))
    with monkeypatch.context() as patched, closing(Writer(empty_database_url)) as writer:
        patched.setattr(migrations, "_texts", _before_chain(migrations._texts))
        migrations.migrate(empty_database_url)
        assert not writer.write(records).refused
    today = query(empty_database_url, _FACTS)
    with connect(empty_database_url, application="test") as connection:
        connection.execute("UPDATE executions SET facts = facts - 'parent_span_id' - 'link_trace_id' - 'link_span_id'")
    assert query(empty_database_url, _FACTS) != today
    assert migrations.migrate(empty_database_url).migrations[0].startswith("0102")
    assert query(empty_database_url, _FACTS) == today
    depths = "SELECT depth FROM agent_chain(%s) ORDER BY 1"
    assert query(empty_database_url, depths, chains.execution_id(4)) == [(depth,) for depth in range(5)]
    with closing(Writer(empty_database_url)) as writer:
        writer.write(records)
    assert query(empty_database_url, _FACTS) == today
