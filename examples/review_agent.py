"""An agent that reviews a small project: it reads it, then two sub-agents work in parallel, and it sums up.

    python examples/review_agent.py [PROJECT]

Everything it does is real: files are read, tests run, one sub-agent meets a file in an old encoding and recovers. Spans
and events go to AGENT_OTEL_ENDPOINT (default http://127.0.0.1:4318); without a Collector they wait in the spool.
"""

import ast
import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path

import agent_otel

SAMPLE = Path(__file__).parent / "sample_project"


def review(project: Path) -> str:
    """Review a project; return the verdict."""
    with agent_otel.execution(
        "reviewer",
        description=f"Review {project.name}",
        prompt="Review this project: read it, run its tests, check its notes, and say whether it can be released.",
        agent_version="1.0",
        tools=["read_files", "unittest", "read_notes"],
    ) as run:
        modules = read(project)
        run.progress("read", 25, modules=len(modules))

        # A new thread starts with an empty context; a copy makes its executions children of this one.
        with ThreadPoolExecutor(max_workers=2) as pool:
            tests = pool.submit(copy_context().run, run_tests, project)
            notes = pool.submit(copy_context().run, check_notes, project)
            passed, releases = tests.result(), notes.result()
        run.progress("delegated work is back", 90)

        with agent_otel.step("release or not", kind="decision") as decision:
            open_points = sum(modules.values())
            verdict = f"{passed} tests pass, {releases} releases in the notes, {open_points} open point(s)"
            decision.observation("release" if passed and not open_points else "release after the open points")
        run.result(verdict)
        run.quality_score(1.0 if not open_points else 0.8)
        return verdict


@agent_otel.step("read_files", action="parse every module and count open points")
def read(project: Path) -> dict[str, int]:
    """Modules and how many TODOs stand in each. Raises SyntaxError for one that Python cannot read."""
    found = {}
    for path in sorted(project.glob("inventory/*.py")):
        source = path.read_text(encoding="utf-8")
        ast.parse(source, str(path))
        found[path.name] = len(re.findall(r"#\s*TODO", source))
    return found


@agent_otel.execution("test-runner", description="Run the project's tests")
def run_tests(project: Path) -> int:
    """Run the tests and log each as it was reported; return how many passed."""
    run = agent_otel.current_execution()
    command = [sys.executable, "-m", "unittest", "-v"]
    with agent_otel.step("unittest", action="run all tests", input={"command": "python -m unittest -v"}) as step:
        finished = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=60, check=False)
        step.output(finished.stderr)
        outcomes = re.findall(r"^(test_\w+) .*?(ok|FAIL|ERROR)$", finished.stderr, re.MULTILINE | re.DOTALL)
        failed = [name for name, outcome in outcomes if outcome != "ok"]
        step.observation(f"{len(outcomes)} tests, {len(failed)} failed")
        if failed:
            step.fail(f"failed: {', '.join(failed)}")
    passed = len(outcomes) - len(failed)
    if run:
        run.log_step("unittest", action=f"{len(outcomes)} single tests", batch_size=len(outcomes), success=not failed)
        run.result({"passed": passed, "failed": failed})
    return passed


@agent_otel.execution("notes-checker", description="Read the release notes")
def check_notes(project: Path) -> int:
    """Count the releases in the notes, whatever encoding they were written in."""
    run = agent_otel.current_execution()
    notes = project / "CHANGES.txt"
    try:
        with agent_otel.step("read_notes", action="read CHANGES.txt as UTF-8"):
            text = notes.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        with agent_otel.step("read_notes", kind="error", action="read it as Latin-1 instead") as recovery:
            text = notes.read_text(encoding="latin-1")
            recovery.observation("it was written before UTF-8 was the rule")
        if run:
            run.record_error(error, recovery_action="read it as Latin-1")
    releases = len(re.findall(r"^inventory \d", text, re.MULTILINE))
    if run:
        run.result(json.dumps({"releases": releases}))
    return releases


def main() -> int:
    """Review the project of the command line, else the sample."""
    project = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
    started = time.monotonic()
    print(f"reviewer: {review(project)} ({time.monotonic() - started:.1f} s)")
    print(f"delivery: {agent_otel.flush(timeout=10)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
