"""What holds for a piece of inline code: it is a command that parses, a setting, a path, a name that the program has.

Each rule returns whether the code is of its kind, and fails when it is and is wrong. What no rule takes must consist of
words that the program's own files have, so that what is renamed there does not stay in the prose.
"""

import importlib.util
import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import agent_otel
from agent_otel import settings
from agent_otel.measured_step import StepDetails
from benchmarks.run import BENCHMARKS
from docs import seed_fields
from docs.cli_page import commands, help_of
from tests.docs.page import ROOT, Inline, text

#: What is no part of the program and cannot be run here, and whose it is.
FOREIGN: Final = {
    "/hooks": "Claude Code",
    "claude plugin list": "Claude Code; `make claude` runs the real one",
    "disableAllHooks": "Claude Code",
    "docker compose up": "Docker, of which these machines have no engine; test_compose.py checks the file",
    "docker compose up --wait": "Docker",
    "pipx install agent-otel": "pipx; test_claude_plugin.py has the hooks find what it installs",
    "kill -9": "the shell",
    "trap": "the shell",
    "TYPE_CHECKING = False": "Python",
}
_SOURCES: Final = (
    *("src", "collector", "plugins", "grafana", "benchmarks", "docker-compose.yml", "Makefile", ".ci"),
    "tests/docs/examples.py",
)
_SUFFIXES: Final = {".py", ".sql", ".yaml", ".yml", ".json", ".sh", ""}
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\d{4,}")
_SETTING: Final = re.compile(r"(?:AGENT_OTEL_[A-Z_]+)")
_ASSIGNED: Final = re.compile(r"^(AGENT_OTEL_[A-Z_]+)(?:=(\S+))?$")


def is_command(code: Inline) -> bool:
    """`agent-otel …`, one of its verbs with more behind it, or an option of one: verb and options exist."""
    words = re.sub(r"[][…]", " ", re.sub(r"^(?:[A-Z_]+=\S+ )+", "", code.text)).split()
    if not words or Path(words[0]).name not in ("agent-otel", "log-execution"):
        of_ours = words and (words[0].startswith("--") or (len(words) > 1 and words[0] in _verbs()))
        return bool(of_ours) and _require(code, list(_alternatives(words)), anywhere=True)
    return len(words) == 1 or _require(code, list(_alternatives(words[1:])), anywhere=False)


def is_target(code: Inline) -> bool:
    """`make …`: the Makefile has it."""
    target = re.fullmatch(r"make ([a-z]+)", code.text)
    if target:
        assert re.search(rf"^{target[1]}:", text("Makefile"), re.MULTILINE), f"no target: {code}"
    return target is not None


def is_python_program(code: Inline) -> bool:
    """`python …`: the file or the module is there, and a benchmark is one of them."""
    words = code.text.split()
    if words[0] != "python":
        return False
    if words[1] == "-m":
        assert importlib.util.find_spec(words[2]), f"no module: {code}"
    else:
        assert (ROOT / words[1]).is_file(), f"no file: {code}"
        assert words[1] != "benchmarks/run.py" or set(words[2:]) <= set(BENCHMARKS), f"no benchmark: {code}"
    return True


def is_setting(code: Inline) -> bool:
    """A variable of ours: it is in docs/settings.md, or in collector/README.md; a value is one that it takes."""
    named = _ASSIGNED.match(code.text)
    short = code.text.isupper() and f"AGENT_OTEL_EXPORTER_{code.text}" in documented_settings()
    if not named or short:
        return short
    assert named[1] in documented_settings(), f"no setting: {code}"
    if named[2] and "…" not in named[2]:
        assert not settings.load({}, {named[1]: named[2], "HOME": "/"}, "/").problems, code
    return True


def is_header(code: Inline) -> bool:
    """`name=value` of a header, beside the variable that takes it: read as its value is."""
    header = re.fullmatch(r"([a-z-]+)=(\S+)", code.text)
    if not header or "AGENT_OTEL_HEADERS" not in text(code.page):
        return False
    given = {"AGENT_OTEL_HEADERS": code.text, "AGENT_OTEL_ENDPOINT": "https://example.org", "HOME": "/"}
    assert settings.load({}, given, "/").headers == ((header[1], unquote(header[2])),), code
    return True


def is_file(code: Inline) -> bool:
    """A file or folder of the repository, from its root, the page's folder or the package's."""
    if not re.fullmatch(r"[\w.*/-]*[\w*/-]", code.text) or not {"/", "."} & set(code.text) or code.text[0] == "/":
        return False
    folders = (ROOT, (ROOT / code.page).parent, ROOT / "src" / "agent_otel", ROOT / "collector")
    return any(any(folder.glob(code.text.rstrip("/"))) for folder in folders)


def is_call(code: Inline) -> bool:
    """A call of a public Python name: its parameters are those that the name has."""
    called = re.fullmatch(r"(?:agent_otel\.)?(\w+)\((.*)\)", code.text)
    if not called or called[1] not in agent_otel.__all__:
        return False
    parameters = inspect.signature(getattr(agent_otel, called[1])).parameters
    details = set(StepDetails.__annotations__) if "details" in parameters else set()
    given = set(re.findall(r"(\w+)=", called[2])) | set(re.findall(r"^(\w+),", called[2]))
    assert given <= {*parameters, *details}, f"no parameter: {code}"
    return True


def is_seed_field(code: Inline) -> bool:
    """A field of the users' schemas, where the page says in which column it stands."""
    return code.page == "docs/schema.md" and any(
        code.text == field.path for fields in seed_fields.SCHEMAS.values() for field in fields
    )


def is_known(code: Inline) -> bool:
    """Every word in it is one of the program's own files; beside `…` or `*` it is a part of one."""
    words = set(_WORD.findall(code.text))
    if {"…", "*"} & set(code.text):
        return all(any(word in known for known in vocabulary()) for word in words)
    return words <= vocabulary()


RULES: Final[tuple[Callable[[Inline], bool], ...]] = (
    *(is_command, is_target, is_python_program, is_setting, is_header, is_call, is_file, is_seed_field, is_known),
)


@cache
def documented_settings() -> frozenset[str]:
    """The variables that docs/settings.md lists, and those of the Collector's and Jaeger's files."""
    listed = set(_SETTING.findall(text("docs/settings.md")))
    for row in re.findall(r"^\| (`.*?) \|", text("collector/README.md"), re.MULTILINE):
        first, *more = re.findall(r"`([^`]+)`", row)
        listed |= {first, *(re.sub(r"_[A-Z]+$", suffix.lstrip("…"), first) for suffix in more)}
    return frozenset(listed)


@cache
def vocabulary() -> frozenset[str]:
    """The words of the program's own files."""
    files = [path for place in _SOURCES for path in [ROOT / place, *(ROOT / place).rglob("*")]]
    found = {word for path in files if _is_source(path) for word in _WORD.findall(path.read_text(encoding="utf-8"))}
    return frozenset(found | {path.stem for path in files})


def _is_source(path: Path) -> bool:
    return path.is_file() and path.suffix in _SUFFIXES and "__pycache__" not in path.parts


def _verbs() -> set[str]:
    return {word for words in commands() for word in words}


def _alternatives(words: list[str]) -> Iterator[list[str]]:
    """`quarantine list | show` is two commands."""
    several, begin = " ".join(words).split(" | "), []
    for place, each in enumerate(several):
        found = each.split()
        if place == 0:
            begin = found[: -1 if len(several) > 1 else 0]
            yield found
        else:
            yield [*begin, *found]


def _require(code: Inline, asked: list[list[str]], *, anywhere: bool) -> bool:
    """Each is a command with its options; `anywhere`: the words in front of it may have been left out."""
    for words in asked:
        names = [word for word in words if not word.startswith("-")]
        options = [word for word in words[: words.index("--") if "--" in words else None] if word.startswith("--")]
        found = [each for each in commands() if _begins(each, names) or (anywhere and _ends(each, names, words))]
        # The longest: `quarantine list` is not `quarantine`.
        assert anywhere or not _has_no_such_part(found, names), f"no such: {code}"
        longest = [each for each in found if anywhere or len(each) == max(map(len, found))]
        assert any(set(options) <= _options(each) for each in longest), f"no such: {code}"
    return True


def _options(command: tuple[str, ...]) -> set[str]:
    return {"--help", *re.findall(r"--[a-z-]+", help_of(command))}


def _begins(command: tuple[str, ...], names: list[str]) -> bool:
    return bool(names) and list(command) == names[: len(command)]


def _has_no_such_part(found: list[tuple[str, ...]], names: list[str]) -> bool:
    """Whether only the verb is there, though it is one of several parts and a part is named."""
    has_parts = any(each[0] == names[0] and len(each) > 1 for each in commands())
    return has_parts and names[1:2] != [] and names[1].islower() and max(map(len, found), default=0) < 2


def _ends(command: tuple[str, ...], names: list[str], words: list[str]) -> bool:
    return words[0].startswith("-") or command[-1:] == tuple(names[:1])
