"""What keeps the code readable, beside the import contracts that lint-imports checks."""

import ast
import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_otel.open_execution import ExecutionFolder, OpenExecution
from tests.fixtures.sink import Sink

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path for folder in ("src", "tests", "benchmarks", "docs", "grafana") for path in (ROOT / folder).rglob("*.py")
)
MAX_LINES = 300
#: Milliseconds each, on a path whose whole budget is a few (ADR 012): loaded where needed, never with a module.
SLOW_TO_IMPORT = {
    *("typing", "re", "json", "socket", "uuid", "hashlib", "threading", "contextlib", "functools", "collections"),
    *("enum", "dataclasses", "logging", "subprocess", "datetime", "random", "tempfile", "pathlib", "importlib"),
    *("argparse", "http", "urllib", "asyncio", "ssl", "signal", "opentelemetry", "psycopg", "grpc", "google"),
}
EXECUTION = "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11"
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "common.py", "base.py", "misc.py"}


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A receiver that answers 200."""
    with Sink() as running:
        yield running


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_small_and_named_for_what_they_are(path: Path) -> None:
    """No file is over 300 lines, and none is a drawer."""
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MAX_LINES
    assert path.name not in FORBIDDEN_NAMES


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("agent_otel", {"opentelemetry", "psycopg", "grpc", "asyncio", "google"}),
        ("agent_otel.spool", {"opentelemetry", "psycopg", "logging", "asyncio", "http", "urllib"}),
    ],
)
def test_imports_stay_light(module: str, heavy: set[str]) -> None:
    """Importing the package or the command's entry point loads nothing heavy."""
    source = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); {source}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not heavy & {name.partition(".")[0] for name in loaded.stdout.split()}


@pytest.mark.parametrize("reachable", [True, False])
@pytest.mark.parametrize(
    "words",
    [
        f"start --agent a --execution-id {EXECUTION} --description d",
        f"progress --execution-id {EXECUTION} --stage s --percent 50 --metadata {{}}",
        f"step --execution-id {EXECUTION} --tool t --action a --latency-ms 5 --tokens 5",
        f"complete --execution-id {EXECUTION} --status success --quality-score 0.95",
        f"start --agent a --execution-id {EXECUTION} --user-request u --criteria c --track-files .",
        f"progress --execution-id {EXECUTION} --stage s --criteria c",
        f"complete --execution-id {EXECUTION} --verification-status MATCH --criteria-met c --issue i --criteria c",
    ],
    ids=lambda words: " ".join(words.split()[::2]),
)
def test_a_call_imports_nothing_slow(tmp_path: Path, sink: Sink, words: str, reachable: bool) -> None:
    """What a whole call loads, delivered or kept, is loaded in a fraction of the interpreter's own start."""
    source = f"""if True:
        import sys
        before = set(sys.modules)
        sys.path.insert(0, {str(ROOT / "src")!r})
        from agent_otel import cli
        cli.main({words.split()!r})
        print(*sorted(set(sys.modules) - before))"""
    environment = {
        "AGENT_OTEL_HOME": str(tmp_path),
        "AGENT_OTEL_SEND_MILLISECONDS": "20000",
        "AGENT_OTEL_ENDPOINT": sink.endpoint if reachable else "http://127.0.0.1:1",
    }
    if not words.startswith("start"):
        ExecutionFolder(str(tmp_path / "state")).add(OpenExecution(EXECUTION, 1, 2, 1, "a", 1, "c", "s"))
    done = subprocess.run(
        [sys.executable, "-S", "-c", source], env=environment, capture_output=True, text=True, check=True
    )
    answer, loaded = done.stdout.splitlines()
    assert json.loads(answer)["success"] is reachable
    assert "agent_otel.delivery" in loaded.split()
    assert not SLOW_TO_IMPORT & {name.partition(".")[0] for name in loaded.split()}
    assert ("agent_otel.shell.tracked_files" in loaded.split()) is ("--track-files" in words)
    assert ("agent_otel.shell.statements" in loaded.split()) is ("--issue" in words)


@pytest.mark.parametrize(
    "event",
    ["SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolBatch", "SubagentStart", "Stop"],
)
def test_a_hook_imports_nothing_slow(tmp_path: Path, sink: Sink, event: str) -> None:
    """Nor does a hook of Claude Code, which waits for each."""
    source = f"""if True:
        import sys
        before = set(sys.modules)
        sys.path.insert(0, {str(ROOT / "src")!r})
        from agent_otel import cli
        cli.main(["hook"])
        print(*sorted(set(sys.modules) - before))"""
    environment = {
        "AGENT_OTEL_HOME": str(tmp_path),
        "AGENT_OTEL_SEND_MILLISECONDS": "20000",
        "AGENT_OTEL_ENDPOINT": sink.endpoint,
    }
    call = {"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": "toolu_1", "tool_response": "a"}
    own = {"prompt": "p", "agent_id": "a1", "agent_type": "x"} if event == "SubagentStart" else {"prompt": "p", **call}
    payload = {"hook_event_name": event, "session_id": EXECUTION, "prompt_id": EXECUTION, "tool_calls": [call], **own}
    done = subprocess.run(
        [sys.executable, "-S", "-c", source],
        env=environment,
        input=json.dumps({**payload, "last_assistant_message": "m"}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    (loaded,) = done.stdout.splitlines()
    assert "agent_otel.shell.claude_code.told" in loaded.split()
    assert not SLOW_TO_IMPORT & {name.partition(".")[0] for name in loaded.split()}
    assert bool(sink.seen) is (event != "PreToolUse")


def test_the_public_names_are_those_that_are_promised() -> None:
    """agent_otel exports what __all__ says, and each name resolves."""
    import agent_otel

    assert sorted(agent_otel.__all__) == list(agent_otel.__all__)
    for name in agent_otel.__all__:
        assert getattr(agent_otel, name) is not None
        assert name in dir(agent_otel)


def test_public_functions_have_docstrings() -> None:
    """Every public module, class and function of the package says what it is."""
    for path in FILES:
        if not path.is_relative_to(ROOT / "src"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), path
        for node in ast.walk(tree):
            if (
                isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
                and node.col_offset == 0
                and not node.name.startswith("_")
            ):
                assert ast.get_docstring(node), f"{path}: {node.name}"


def test_no_file_of_the_tests_hides_a_module() -> None:
    """Folders of tests stand first on the path: `requests.py` there is what others import as requests."""
    installed = {*sys.stdlib_module_names, *importlib.metadata.packages_distributions()}
    assert [path for path in (ROOT / "tests").rglob("*.py") if path.stem in installed] == []
