"""Examples for programs that are not here (Docker's engine, Claude Code): what of them can be run or compared."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import yaml

from agent_otel.local_stack.stack import LocalStack
from tests.docs import page
from tests.docs.bash_session import typed
from tests.docs.recipe import Recipe

_DOCKER = "docs/recipes/docker.md"


def test_docker_is_told_of_files_that_are_there() -> None:
    """`docker compose -f …`: ours, and the one that the page itself shows."""
    (block,) = page.blocks(_DOCKER, "console")
    (command,) = typed(block.text)
    files = re.findall(r"-f (\S+)", command.command)
    (shown,) = re.findall(r"as `([\w.]+)`:", page.text(_DOCKER))
    assert files == ["docker-compose.yml", shown]
    services = yaml.safe_load(page.text(files[0]))["services"]
    assert set(yaml.safe_load(page.blocks(_DOCKER, "yaml")[0].text)["services"]["agent"]["depends_on"]) <= set(services)


def test_the_folder_of_the_image_is_one_that_is_used(stack: LocalStack, tmp_path: Path) -> None:
    """The Dockerfile's `install`, by this user and below this folder: what lies in it belongs to nobody else."""
    (block,) = page.blocks(_DOCKER, "dockerfile")
    run, user = block.text.splitlines()
    owner = user.removeprefix("USER ")
    words = shlex.split(run.removeprefix("RUN "))
    folder = tmp_path / words[-1].lstrip("/")
    environment = yaml.safe_load(page.blocks(_DOCKER, "yaml")[0].text)["services"]["agent"]["environment"]
    assert words[-1] == environment["AGENT_OTEL_HOME"]
    ours = {owner: str(os.getuid()), words[-1]: str(folder)}
    assert words.count(owner) == 2
    group = words.index("-g") + 1
    words[group] = str(os.getgid())
    subprocess.run([ours.get(word, word) for word in words], check=True, timeout=60)
    assert folder.stat().st_mode & 0o777 == 0o700
    reader = Recipe(_DOCKER, stack, tmp_path)
    place = {**reader.environment, "AGENT_OTEL_HOME": str(folder), "AGENT_OTEL_ENDPOINT": "http://127.0.0.1:1"}
    answer = json.loads(reader.run("agent-otel", "start", "--agent", "container-agent", environment=place).stdout)
    assert (answer["success"], answer["spooled"]) == (False, True)


def test_the_plugin_is_the_one_that_is_installed() -> None:
    """`claude plugin …` names the marketplace of this repository and the plugin in it."""
    (block,) = page.blocks("docs/recipes/claude-code.md", "console")
    market = json.loads(page.text(".claude-plugin/marketplace.json"))
    add, install = (each.command.split() for each in typed(block.text))
    assert add[:4] == ["claude", "plugin", "marketplace", "add"]
    assert Path(add[4]).name == market["name"]
    assert install == ["claude", "plugin", "install", f"{market['plugins'][0]['name']}@{market['name']}"]
    assert (page.ROOT / market["plugins"][0]["source"] / ".claude-plugin" / "plugin.json").is_file()
