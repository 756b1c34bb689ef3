"""Build the Collector and Jaeger from their Go modules. Each function leaves one program and returns its path."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from agent_otel.errors import LocalStackError
from agent_otel.local_stack.logs import tail

#: Since 1.21 Go fetches a newer toolchain by itself when a module asks for one.
MINIMUM_GO: Final = (1, 21)
BUILD_FLAGS: Final = ("-trimpath", "-ldflags=-s -w")
#: Two cores build Jaeger in four minutes; a slow machine and a slow network take far longer.
STEP_SECONDS: Final = 3600
_QUESTION_SECONDS: Final = 60
_INSTALL_GO: Final = (
    "install Go 1.21 or newer (Debian, Ubuntu: `apt-get install golang-go`; macOS: `brew install go`), "
    "then run `agent-otel tools install` again"
)


def build_collector(work: Path, builder: str, version: str, config: Path) -> Path:
    """Build the Collector that `config` describes with its official builder, in the folder `work`."""
    environment = go_environment()
    with _log(work) as log:
        _run(["go", "install", f"{builder}@v{version}"], work, {**environment, "GOBIN": str(work)}, log)
        _run([str(work / "builder"), f"--config={config}", f"--ldflags={BUILD_FLAGS[1][9:]}"], work, environment, log)
    return work / "build" / "collector"


def build_jaeger(work: Path, module: str, version: str) -> Path:
    """Build Jaeger inside its own downloaded module: its replace directives and its go.sum serve only there."""
    environment = go_environment()
    with _log(work) as log:
        downloaded = work / "module.json"
        with downloaded.open("wb") as answer:
            _run(["go", "mod", "download", "-json", f"{module}@v{version}"], work, environment, log, answer)
        source = Path(json.loads(downloaded.read_bytes())["Dir"])
        _run(["go", "build", *BUILD_FLAGS, "-o", str(work / "jaeger"), "./cmd/jaeger"], source, environment, log)
    return work / "jaeger"


def require_go() -> None:
    """Raise LocalStackError with the command that installs Go when there is none, or one that is too old."""
    if shutil.which("go") is None:
        raise LocalStackError(f"building the Collector and Jaeger needs Go: {_INSTALL_GO}")
    answer = _ask("version")
    match = re.search(r"go(\d+)\.(\d+)", answer)
    if match is None or (int(match[1]), int(match[2])) < MINIMUM_GO:
        raise LocalStackError(f"this Go is too old ({answer}): {_INSTALL_GO}")


def go_environment() -> dict[str, str]:
    """The environment for Go: the user's own, with a proxy list that ends at its proxies."""
    return {
        **os.environ,
        "GOPROXY": without_direct(_ask("env", "GOPROXY")),
        "GOWORK": "off",  # a workspace around the current folder is not ours
        "CGO_ENABLED": "0",  # needs no C compiler, and runs on any C library
    }


def without_direct(proxies: str) -> str:
    """The proxy list without `direct`: with it a failed look-up tries git, and hangs or fails misleadingly.

    Go separates by comma (next on "not found") or bar (next on any error). `direct` alone stays: the user wants it.
    """
    kept = re.sub(r"[,|]direct\b", "", proxies)
    return kept if kept == "direct" else re.sub(r"^direct[,|]", "", kept)


def _ask(*arguments: str) -> str:
    answer = subprocess.run(["go", *arguments], capture_output=True, text=True, check=False, timeout=_QUESTION_SECONDS)
    return answer.stdout.strip()


def _log(work: Path) -> IO[bytes]:
    return (work / "build.log").open("wb")


def _run(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    log: IO[bytes],
    output: IO[bytes] | None = None,
) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output or log,
            stderr=log,
            check=False,
            timeout=STEP_SECONDS,
        )
    except subprocess.TimeoutExpired as late:
        raise LocalStackError(f"`{' '.join(command)}` did not end within {STEP_SECONDS} s") from late
    if done.returncode:
        raise LocalStackError(f"`{' '.join(command)}` failed:\n{tail(Path(log.name))}")
