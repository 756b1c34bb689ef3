"""Pages that are run from their first block to their last; and a page made here, right and with one thing wrong."""

from pathlib import Path

import psycopg
import pytest

from agent_otel.local_stack.stack import LocalStack
from tests.docs import page
from tests.docs.bash_session import BashSession, typed
from tests.docs.examples import STORIES
from tests.docs.recipe import Recipe
from tests.docs.story import Story

#: A page of every kind of block; it stands for the ones to come.
_MADE = """# A made page

```bash
id=$(agent-otel start --agent story-bash --quiet)
agent-otel complete --execution-id "$id"
```

```json
{"success": true, "execution_id": "…", "agent_name": "…", "status": "…", "duration_ms": 1, "started_at": "…",
 "completed_at": "…"}
```

```console
$ agent-otel step --execution-id "$id" \\
    --tool late --quiet > /dev/null
$ agent-otel list --agent story-bash --limit 1     # the session's bash knows the id still
started  agent  status  duration  tokens  execution  description
$ agent-otel show 00000000-0000-4000-8000-000000000000     # there is none: exit code 1
```

```python
import agent_otel

with agent_otel.execution("story-python"):
    print("done")
```

```text
done
```

```sql
SELECT status FROM agent_executions WHERE agent_name = 'story-bash';
SELECT status FROM agent_executions WHERE agent_name = 'story-python';
```
"""


def _tell(text: str, stack: LocalStack, home: Path) -> None:
    """As a reader of a page with this text would."""
    reader = Recipe("README.md", stack, home)
    reader.environment["AGENT_OTEL_DATABASE_URL"] = stack.reader_url
    with BashSession(reader.folder, reader.environment) as bash:
        Story(reader, bash).tell(page.parse("a page", text))


@pytest.mark.parametrize("name", ["a made page", *STORIES])
def test_a_story_is_told(name: str, stack: LocalStack, tmp_path: Path) -> None:
    """All of it works, and prints what the page shows."""
    _tell(page.text(name) if name in STORIES else _MADE, stack, tmp_path)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("agent-otel complete --execution-id", "agent-otel complet --execution-id"),
        ('"status": "…"', '"state": "…"'),
        ("exit code 1", "exit code 2"),
        ("agent  status", "agent  state"),
        ('print("done")', 'print("never")'),
        ('print("done")', "raise SystemExit(1)"),
        ("SELECT status", "SELECT state"),
        ("```python", "```ruby"),
        ('--execution-id "$id" \\', '--execution-id "$nobody" \\'),
    ],
)
def test_a_story_with_one_thing_wrong_fails(right: str, wrong: str, stack: LocalStack, tmp_path: Path) -> None:
    """Whatever it is."""
    assert right in _MADE
    with pytest.raises((AssertionError, psycopg.Error)) as failed:
        _tell(_MADE.replace(right, wrong), stack, tmp_path)
    assert "a page:" in "".join(failed.value.__notes__)


def test_commands_of_a_console_block() -> None:
    """After the prompt, with what they are continued by; the lines below are what they print."""
    first, second = typed("$ a \\\n  b\nprinted\n\n$ c  # note\n")
    assert (first.command, first.shown, first.comment) == ("a \\\n  b", "printed\n\n", "")
    assert (second.command, second.shown, second.comment) == ("c  # note", "", "note")
