"""The recipe of Claude Code: its command, its settings, and a recorded session through the hooks that it registers."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

from tests.docs.recipe import Reader, Recipe, reader
from tests.fixtures.stack import rows

__all__ = ["reader"]

#: Payloads of one headless session of that version: a prompt and a Bash call.
RECORDING: Final = Path(__file__).with_name("claude_code_2.1.197.jsonl")


def test_claude_code(reader: Reader) -> None:
    """A recorded session of version 2.1.197, through the hooks that the page's command registers, is in its rows."""
    recipe = reader("claude-code.md")
    settings = _claude_code_settings(recipe)
    for line in RECORDING.read_text().splitlines():
        payload = {**json.loads(line), "session_id": recipe.session, "prompt_id": recipe.session}
        (hook,) = [each for group in settings["hooks"][payload["hook_event_name"]] for each in group["hooks"]]
        done = subprocess.run(
            ["/bin/sh", "-c", hook["command"]],
            input=json.dumps(payload),
            env=recipe.environment,
            cwd=recipe.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (row,) = recipe.executions(1)
    assert (row["agent_name"], row["status"], row["prompt"]) == ("claude-code", "success", "[[tool]] please")
    (step,) = recipe.steps(row["execution_id"], 1)
    assert (step["tool"], step["success"]) == ("Bash", True)
    recipe.asks()


def test_claude_code_settings(reader: Reader) -> None:
    """The page's telemetry settings go to the stack's endpoint and stay as they are beside the hooks."""
    recipe = reader("claude-code.md")
    settings = _claude_code_settings(recipe)
    variables = settings["env"]
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == recipe.stack.endpoint
    assert {name for name, value in variables.items() if value == "otlp"} == {
        "OTEL_LOGS_EXPORTER",
        "OTEL_TRACES_EXPORTER",
    }
    assert json.loads(recipe.blocks("json")[0]) == {"env": variables}
    for block in recipe.blocks("sql"):
        for statement in filter(str.strip, block.split(";")):
            rows(recipe.stack, statement)


def _claude_code_settings(recipe: Recipe) -> dict[str, Any]:
    """The reader's settings: those of the page, then its command."""
    file = Path(recipe.environment["HOME"]) / ".claude" / "settings.json"
    file.parent.mkdir()
    file.write_text(recipe.blocks("json")[0])
    recipe.environment.pop("CLAUDE_CONFIG_DIR", None)
    (install,) = recipe.blocks("sh")
    done = recipe.run("bash", "-ec", install)
    assert (done.returncode, done.stderr) == (0, "")
    assert (file.parent / "skills" / "log-execution" / "SKILL.md").is_file()
    settings: dict[str, Any] = json.loads(file.read_text())
    return settings
