"""What is said about executions: each note once, whoever brings it and in whatever order."""

import uuid
from collections.abc import Iterable

from agent_otel.store import queries
from agent_otel.store.connection import Connection
from agent_otel.store.rows import ExecutionFacts, Note
from agent_otel.store.tables import instant


def merge(connection: Connection, records: Iterable[ExecutionFacts]) -> None:
    """Store the notes of records; to be called after `merging.executions`, so that writers lock in one order."""
    highest: dict[tuple[uuid.UUID, uuid.UUID], Note] = {}
    for record in records:
        for note in record.notes:
            key = record.execution_id, note.note_id
            known = highest.get(key)
            if known is None or note.rank > known.rank:
                highest[key] = note
    if not highest:
        return
    keys = sorted(highest, key=lambda key: (key[0].int, key[1].int))
    notes = [highest[key] for key in keys]
    connection.execute(
        queries.load("ingest")["merge_notes"],
        [
            [execution_id for execution_id, _ in keys],
            [note_id for _, note_id in keys],
            [note.kind for note in notes],
            [instant(note.time_ns // 1000) for note in notes],
            [note.rank for note in notes],
            [note.note.decode() for note in notes],
        ],
    )
