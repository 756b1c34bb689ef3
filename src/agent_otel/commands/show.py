"""`agent-otel show`: one execution as a tree of its steps and what it delegated; or the chain it belongs to."""

import argparse
import json
import uuid
from collections.abc import Sequence

from agent_otel import ids
from agent_otel.commands import chain_tree, database, execution_tree
from agent_otel.errors import UnknownExecutionError
from agent_otel.store.reader import Reader


def run(argv: Sequence[str]) -> int:
    """Print the tree, or everything about it as JSON."""
    parser = argparse.ArgumentParser(
        prog="agent-otel show",
        description="One execution as a tree: steps, delegated executions, durations, tokens, errors.",
        epilog="example: agent-otel show last",
    )
    parser.add_argument("execution", metavar="EXECUTION|CORRELATION|last", help="its id, its correlation id, or last")
    parser.add_argument(
        "--chain",
        action="store_true",
        help="the whole tree of delegation that it belongs to, across traces: time, tokens and cost, own and in all",
    )
    parser.add_argument("--json", action="store_true", help="everything as JSON")
    database.add_argument(parser)
    arguments = parser.parse_args(argv)
    with Reader(database.url(arguments)) as reader:
        if arguments.chain:
            return _show_chain(reader, arguments.execution, as_json=arguments.json)
        tree = load(reader, arguments.execution)
    if arguments.json:
        print(json.dumps(execution_tree.as_dict(tree), default=str, indent=2))
    else:
        stack = database.running_stack()
        print(execution_tree.render(tree, stack.jaeger_query_url if stack else None))
    return 0


def _show_chain(reader: Reader, wanted: str, *, as_json: bool) -> int:
    execution_id = find(reader, wanted)
    rows = reader.chain(execution_id)
    print(json.dumps(rows, default=str, indent=2) if as_json else chain_tree.render(rows, execution_id))
    return 0


def load(reader: Reader, wanted: str) -> execution_tree.Node:
    """The tree of the execution that `wanted` names. Raises UnknownExecutionError."""
    family = reader.family(find(reader, wanted))
    return execution_tree.build(family, reader.steps([row["execution_id"] for row in family]))


def find(reader: Reader, wanted: str) -> uuid.UUID:
    """The execution that `wanted` names: its id, its correlation id, or `last`. Raises UnknownExecutionError."""
    name = None if wanted == "last" else ids.parse_uuid(wanted)
    if wanted != "last" and name is None:
        # A correlation id that is no UUID: its trace id is derived from it.
        name = ids.correlation_uuid(ids.trace_id(wanted))
    execution_id = reader.find(name)
    if execution_id is None:
        raise UnknownExecutionError(
            "there is no execution yet" if wanted == "last" else f"no execution or correlation has the id {wanted!r}"
        )
    return execution_id
