"""The recipes of docs/recipes work: each is run as it stands on its page, and its rows are in the database."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.docs.examples import STORIES
from tests.docs.recipe import FOLDER, PROGRAMS, ROOT, Reader, Recipe, reader
from tests.fixtures.stack import rows, wait_for
from tests.local_stack import compose_rules

__all__ = ["reader"]


def test_every_recipe_is_listed() -> None:
    """The index names each page, and a test runs each."""
    pages = {path.name for path in FOLDER.glob("*.md")} - {"README.md"}
    assert set(re.findall(r"\]\(([a-z-]+\.md)\)", (FOLDER / "README.md").read_text())) == pages
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_recipe*.py"))
    stories = {Path(page).name for page in STORIES if Path(page).parent.name == FOLDER.name}
    assert set(re.findall(r'reader\("([a-z-]+\.md)"\)', tests)) | stories == pages


def _scripts(recipe: Recipe) -> None:
    names = re.findall(r"^`([a-z-]+\.sh)`:$", recipe.text, re.MULTILINE)
    for name, script in zip(names, recipe.blocks("bash"), strict=True):
        (recipe.folder / name).write_text(script)
    (recipe.folder / "essay.txt").write_text("to be or not to be\n")


def test_bash(reader: Reader) -> None:
    """The script's execution with its stages and its step; of a failing one the error and where it happened."""
    recipe = reader("bash.md")
    _scripts(recipe)
    done = recipe.run("bash", "word-report.sh", "essay.txt")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    failed = recipe.run("bash", "word-report.sh", "no-such.txt")
    assert failed.returncode == 1
    good, bad = recipe.executions(2)
    assert (good["agent_name"], good["description"]) == ("word-report", "count the words of essay.txt")
    assert (good["status"], good["stage"], good["percent"]) == ("success", "counting", 60)
    assert good["files_modified"] == ["words.txt"]
    (step,) = recipe.steps(good["execution_id"], 1)
    assert (step["tool"], step["observation"]) == ("uniq", "4 different words")
    assert (bad["status"], bad["error_type"], bad["error_message"]) == ("error", "exit_code_1", "failed while reading")


def test_bash_with_child_processes(reader: Reader) -> None:
    """One trace: the command is a step, the script below is a child."""
    recipe = reader("bash.md")
    _scripts(recipe)
    done = recipe.run("bash", "pipeline.sh", "essay.txt")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    parent, child = recipe.executions(2)
    assert (parent["agent_name"], parent["status"], parent["stage"]) == ("word-pipeline", "success", "reporting")
    assert (child["agent_name"], child["status"]) == ("word-report", "success")
    assert child["parent_execution_id"] == parent["execution_id"]
    assert child["correlation_id"] == parent["correlation_id"]
    (step,) = recipe.steps(parent["execution_id"], 1)
    assert (step["tool"], step["action"], step["success"]) == ("test", "test -s essay.txt", True)
    assert recipe.run("bash", "pipeline.sh", "no-such.txt").returncode == 1
    assert [row["status"] for row in recipe.executions(3)] == ["success", "success", "error"]
    recipe.asks()


def test_cron(reader: Reader, tmp_path: Path) -> None:
    """The line of the crontab, run as cron would: by /bin/sh in HOME, with next to no environment."""
    recipe = reader("cron.md")
    (program,) = {*re.findall(r"\$HOME/(\S+/agent-otel)", recipe.text)}
    (tmp_path / program).parent.mkdir(parents=True)
    (tmp_path / program).symlink_to(PROGRAMS / "agent-otel")
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "letter.txt").write_text("Dear reader")
    (settings,) = recipe.blocks("sh")
    assert recipe.run("/bin/sh", "-c", settings).returncode == 0
    with (tmp_path / ".config" / "agent-otel" / "config.env").open("a") as file:
        file.write(f"AGENT_OTEL_SESSION_ID={recipe.session}\n")
    done = _cron(recipe.blocks("crontab")[0], tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "backup.tgz").stat().st_size > 0
    (row,) = recipe.executions(1)
    assert (row["agent_name"], row["status"]) == ("nightly-backup", "success")
    assert row["description"] == "tar -czf backup.tgz documents"
    assert row["cpu_time_s"] >= 0
    assert row["memory_max_bytes"] > 2**19
    assert (tmp_path / ".local" / "state" / "agent-otel").is_dir()
    recipe.asks()


def _cron(crontab: str, home: Path) -> subprocess.CompletedProcess[str]:
    """crontab(5): five fields, then the command; a bare percent sign would end it, which the page has none of."""
    command = crontab.strip().split(None, 5)[5]
    assert "%" not in command
    given = [f"HOME={home}", "LOGNAME=reader", "SHELL=/bin/sh", "PATH=/usr/bin:/bin"]
    line = ["env", "-i", *given, "/bin/sh", "-c", command]
    return subprocess.run(line, cwd=home, capture_output=True, text=True, timeout=60, check=False)


def test_github_actions(reader: Reader) -> None:
    """The workflow's steps, run by `bash -e` with the runner's variables: one trace, and the tests' own exit code."""
    recipe = reader("github-actions.md")
    (job,) = yaml.safe_load(recipe.blocks("yaml")[0])["jobs"].values()
    run_id = recipe.session  # a run's own number, so that the trace is this run's
    runner = {"GITHUB_REPOSITORY": "reader/project", "GITHUB_RUN_ID": run_id, "CI": "true"}
    values = {
        "vars.AGENT_OTEL_ENDPOINT": recipe.stack.endpoint,
        "secrets.AGENT_OTEL_HEADERS": "authorization=Bearer%20token",
        "github.run_id": run_id,
        "github.sha": "0123abc",
    }
    given = {name: re.sub(r"\$\{\{ (\S+) \}\}", lambda m: values[m[1]], text) for name, text in job["env"].items()}
    environment = {**recipe.environment, **runner, **given}
    (recipe.folder / "tests").mkdir()
    (recipe.folder / "test_it.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n    def test_it(self): self.fail()\n"
    )
    commands = [step["run"] for step in job["steps"] if step.get("run", "").startswith("agent-otel")]
    done = [_step(recipe, command, environment) for command in commands]
    assert [each.returncode for each in done] == [1, 0, 0]
    assert json.loads(done[2].stdout)["success"]
    tests, package = recipe.executions(2)
    assert (tests["agent_name"], tests["status"], tests["error_type"]) == ("ci-tests", "error", "exit_code_1")
    assert (package["agent_name"], package["status"]) == ("ci-package", "success")
    assert package["correlation_id"] == tests["correlation_id"]
    assert tests["requested_correlation"] == f"reader/project/{run_id}"
    resources = rows(
        recipe.stack,
        "SELECT attributes ->> 'vcs.ref.head.revision' FROM resources"
        " WHERE attributes ->> 'cicd.pipeline.run.id' = %(run)s",
        {"run": run_id},
    )
    assert {revision for (revision,) in resources} == {"0123abc"}
    recipe.asks()


def _step(recipe: Recipe, command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """As the runner does: a file, and `bash -e` when the step names no shell."""
    script = recipe.folder / "step.sh"
    script.write_text(command)
    return recipe.run("bash", "-e", str(script), environment=environment)


def test_opentelemetry(reader: Reader) -> None:
    """A program of the stock SDK, with the page's two variables and none of ours, has a row and a step."""
    recipe = reader("opentelemetry.md")
    (variables,), (program,) = recipe.blocks("sh"), recipe.blocks("python")
    assert variables.count("export ") == 2
    (recipe.folder / "app.py").write_text(program)
    plain = {name: value for name, value in recipe.environment.items() if not name.startswith("AGENT_OTEL_")}
    done = recipe.run("bash", "-ec", f"{variables}\npython -W error app.py", environment=plain)
    assert (done.returncode, done.stderr) == (0, "")
    wait_for(
        lambda: rows(recipe.stack, "SELECT 1 FROM agent_execution_steps WHERE tool = 'timetable'"), "the tool's step"
    )
    (executions, steps) = recipe.asks()
    ((agent, status, duration, conversation, tokens, service),) = executions
    assert (agent, status, conversation, tokens) == ("planner", "success", "trip-42", 508)
    assert (service, duration >= 0) == ("trip-planner", True)
    assert [(tool, success) for tool, _, success in steps] == [("timetable", True)]


def test_docker(reader: Reader) -> None:
    """The container's command, in the container's environment but for its two places, is recorded."""
    recipe = reader("docker.md")
    agent = yaml.safe_load(recipe.blocks("yaml")[0])["services"]["agent"]
    places = {"AGENT_OTEL_ENDPOINT": recipe.stack.endpoint, "AGENT_OTEL_HOME": recipe.environment["AGENT_OTEL_HOME"]}
    assert places.keys() == agent["environment"].keys()
    done = recipe.run(*agent["command"], environment={**recipe.environment, **places})
    assert (done.returncode, done.stdout, done.stderr) == (0, "the agent works\n", "")
    (row,) = recipe.executions(1)
    assert (row["agent_name"], row["status"]) == ("container-agent", "success")
    recipe.asks()


def test_docker_fits_our_compose_file() -> None:
    """Together with docker-compose.yml: what is mounted and named exists, and the Collector can be reached."""
    (snippet,) = re.findall(r"^```yaml\n(.*?)^```", (FOLDER / "docker.md").read_text(), re.MULTILINE | re.DOTALL)
    own, base = yaml.safe_load(snippet), yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    together: dict[str, Any] = {
        **base,
        "services": {**base["services"], **own["services"]},
        "volumes": {**base["volumes"], **own["volumes"]},
    }
    rules = (
        compose_rules.images_are_pinned,
        compose_rules.mounts_exist,
        compose_rules.variables_are_known,
        compose_rules.ports_are_published_on_this_machine_only,
        compose_rules.open_binds_stay_inside,
    )
    assert [finding for rule in rules for finding in rule(together)] == []
    agent = own["services"]["agent"]
    host, port = agent["environment"]["AGENT_OTEL_ENDPOINT"].removeprefix("http://").split(":")
    receiver = base["services"][host]
    assert receiver["environment"]["AGENT_OTEL_COLLECTOR_HTTP"] == f"0.0.0.0:{port}"
    assert set(agent["networks"]) & set(receiver["networks"])
    assert set(agent["networks"]) <= set(base["networks"])
    assert set(agent["depends_on"]) <= set(base["services"])
    assert receiver["healthcheck"]["test"]
    mounted = [volume.split(":")[1] for volume in agent["volumes"]]
    assert agent["environment"]["AGENT_OTEL_HOME"] in mounted


def test_steps(reader: Reader) -> None:
    """Steps as JSON lines, one at a time, and from Python: each way the array of its episode, in order."""
    recipe = reader("steps.md")
    for script in recipe.blocks("bash"):
        done = recipe.run("bash", "-euc", script)
        assert (done.returncode, done.stderr) == (0, "")
    for program in recipe.blocks("python"):
        done = recipe.run("python", "-W", "error", "-c", program)
        assert (done.returncode, done.stderr) == (0, "")
    shell, single, python = recipe.executions(3)
    lines = recipe.steps(shell["execution_id"], 5)
    assert [step["tool"] for step in lines] == ["cargo", "cargo", "claude", "clippy", "cargo"]
    assert [step["latency_ms"] for step in lines] == [12500, 3200, 4500, 1500, 18000]
    assert [step["success"] for step in lines] == [True, False, True, True, True]
    assert [step.get("batch_size") for step in lines] == [None, None, None, None, 5]
    assert recipe.steps(single["execution_id"], 1) == lines[:1]
    assert [step["action"] for step in recipe.steps(python["execution_id"], 2)] == ["build --all", "test"]
    recipe.asks()
