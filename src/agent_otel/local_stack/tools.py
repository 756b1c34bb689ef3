"""The pinned Collector and Jaeger: where they are, and building them into their place."""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from agent_otel import places
from agent_otel.local_stack import go_build

#: The files of the repository's folder collector/, which the package contains as a copy (in a checkout: as a link).
CONFIG_FOLDER: Final = Path(str(files("agent_otel.local_stack"))) / "collector"
INSTALL_COMMAND: Final = "agent-otel tools install"
_HASH_CHARACTERS: Final = 12


@dataclass(frozen=True)
class Tool:
    """A program that is built once and kept under a name that says what it was built from."""

    name: str
    version: str
    build: Callable[[Path], Path]
    sources: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Where the program is once it is installed."""
        return tools_dir() / f"{self.name}-{self.version}-{self._hash}" / self.name

    @property
    def installed(self) -> Path | None:
        """The program, or None when it is not installed."""
        return self.path if os.access(self.path, os.X_OK) else None

    @property
    def _hash(self) -> str:
        built_from = [*self.sources, *go_build.BUILD_FLAGS, sys.platform, platform.machine()]
        return hashlib.sha256(json.dumps(built_from).encode()).hexdigest()[:_HASH_CHARACTERS]


def tools_dir() -> Path:
    """Folder of the built programs: AGENT_OTEL_TOOLS_DIR, else `tools` in the cache folder."""
    return Path(os.environ.get("AGENT_OTEL_TOOLS_DIR") or Path(places.cache_dir()) / "tools").absolute()


def versions() -> Mapping[str, Mapping[str, str]]:
    """The pinned versions: the file that builds, images and tests share."""
    pinned: Mapping[str, Mapping[str, str]] = json.loads((CONFIG_FOLDER / "versions.json").read_text())
    return pinned


def collector() -> Tool:
    """The OpenTelemetry Collector of collector/builder.yaml."""
    pinned, config = versions()["collector"], CONFIG_FOLDER / "builder.yaml"
    return Tool(
        "collector",
        pinned["version"],
        lambda work: go_build.build_collector(work, pinned["builder"], pinned["version"], config.resolve()),
        (pinned["builder"], pinned["version"], config.read_text()),
    )


def jaeger() -> Tool:
    """Jaeger v2, whose Go module carries a version number of its own."""
    pinned = versions()["jaeger"]
    module, version = pinned["module"], pinned["module_version"]
    return Tool(
        "jaeger", pinned["version"], lambda work: go_build.build_jaeger(work, module, version), (module, version)
    )


def find_collector() -> Path | None:
    """The installed Collector, or None."""
    return collector().installed


def find_jaeger() -> Path | None:
    """The installed Jaeger, or None."""
    return jaeger().installed


def install(tool: Tool, report: Callable[[str], None]) -> Path:
    """Build the tool unless it is there, and return the program.

    The program appears whole or not at all; of several installs at once one builds and the others wait for it.
    LocalStackError says what is missing or what failed.
    """
    if tool.installed is None:
        go_build.require_go()
        with _lock(report):
            if tool.installed is None:
                _build(tool, report)
    report(f"{tool.name} {tool.version}: {tool.path}")
    return tool.path


def _build(tool: Tool, report: Callable[[str], None]) -> None:
    for leftover in tools_dir().glob(".build-*"):  # of a killed install; nobody builds while we hold the lock
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=tools_dir()) as folder:
        work = Path(folder)
        report(f"{tool.name} {tool.version}: building with Go, minutes the first time; output in {work / 'build.log'}")
        program = tool.build(work)
        finished = work / "finished"
        finished.mkdir()
        program.rename(finished / tool.name)
        # What stands in the way has no usable program in it.
        shutil.rmtree(tool.path.parent, ignore_errors=True)
        finished.rename(tool.path.parent)


@contextmanager
def _lock(report: Callable[[str], None]) -> Iterator[None]:
    tools_dir().mkdir(parents=True, exist_ok=True)
    with (tools_dir() / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another `agent-otel tools install`")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
