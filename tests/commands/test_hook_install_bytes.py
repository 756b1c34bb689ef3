"""`agent-otel hook install` and random settings: in and out again are the same bytes, and nothing else is touched."""

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_otel.commands import hook_entries, hook_install

EVENTS = [*hook_entries.wanted()]
SPACE = st.sampled_from(["", " ", "\n", "\r\n", "\t", "\n  ", "\n\t\t", "  "])
SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUE = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
HANDLER = st.fixed_dictionaries({"type": st.just("command"), "command": st.text()}) | VALUE
GROUP = st.fixed_dictionaries({"hooks": st.lists(HANDLER, max_size=3)}, optional={"matcher": st.text()}) | VALUE
HOOKS = st.dictionaries(st.sampled_from([*EVENTS, "Notification"]), st.lists(GROUP, max_size=3), max_size=5)
SETTINGS = st.builds(
    lambda first, hooks, last: {**first, **hooks, **last},
    st.dictionaries(st.text(), VALUE, max_size=3),
    st.fixed_dictionaries({}, optional={"hooks": HOOKS}),
    st.dictionaries(st.text().filter(lambda key: key != "hooks"), VALUE, max_size=3),
).filter(lambda settings: type(settings.get("hooks", {})) is dict and settings.get("enabledPlugins") is None)


def laid_out(draw: st.DrawFn, value: Any) -> str:
    """A JSON text with any space between any two of its marks."""

    def gap() -> str:
        return draw(SPACE)

    if isinstance(value, dict):
        members = [
            f"{gap()}{json.dumps(key, ensure_ascii=draw(st.booleans()))}{gap()}:{gap()}{laid_out(draw, member)}{gap()}"
            for key, member in value.items()
        ]
        return "{" + (",".join(members) or gap()) + "}"
    if isinstance(value, list):
        return "[" + (",".join(f"{gap()}{laid_out(draw, member)}{gap()}" for member in value) or gap()) + "]"
    return json.dumps(value)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A settings file."""
    settings = draw(SETTINGS)
    text = draw(
        st.sampled_from([json.dumps(settings, indent=indent) for indent in (None, 2, 4)])
        | st.builds(lambda: f"{draw(SPACE)}{laid_out(draw, settings)}{draw(SPACE)}")
    )
    return draw(st.sampled_from(["", "\ufeff"])) + text


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of settings."""
    return tmp_path_factory.mktemp("settings")


@pytest.fixture(autouse=True)
def home(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing outside of it is read or written."""
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(place / "claude"))
    monkeypatch.setenv("AGENT_OTEL_HOME", str(place / "agent-otel"))
    monkeypatch.chdir(place)
    (place / "claude").mkdir(exist_ok=True)


def install(*words: str) -> None:
    """Run it; fails unless it did it."""
    with redirect_stdout(StringIO()):
        assert hook_install.run(words) == 0


@given(text=texts())
def test_in_and_out_are_the_same_bytes(place: Path, text: str) -> None:
    """Installed, each event has ours behind what it had; installed again, nothing changes; out, it is what it was."""
    file = place / "claude" / "settings.json"
    file.write_bytes(text.encode(errors="surrogatepass"))
    original, settings = file.read_bytes(), json.loads(text.removeprefix("\ufeff"))
    install()
    installed = file.read_bytes()
    now = json.loads(installed.decode("utf-8-sig"))
    for event in EVENTS:
        before = settings.get("hooks", {}).get(event, [])
        assert now["hooks"][event][:-1] == before
        now["hooks"][event] = before
    now["hooks"] = {event: groups for event, groups in now["hooks"].items() if event in settings.get("hooks", {})}
    assert now["hooks"] == settings.get("hooks", {})
    assert {**now, "hooks": 0} == {**settings, "hooks": 0}
    install()
    assert file.read_bytes() == installed
    install("--uninstall")
    assert file.read_bytes() == original


@given(before=texts(), after=SETTINGS, indent=st.sampled_from([None, 1, 2, 4]))
def test_an_edit_in_between_is_all_that_stays(
    place: Path, before: str, after: dict[str, Any], indent: int | None
) -> None:
    """Somebody writes other settings, with our hooks where they left them: without our hooks, those are what stays."""
    file = place / "claude" / "settings.json"
    file.write_bytes(before.encode())
    install()
    installed = json.loads(file.read_bytes().decode("utf-8-sig"))["hooks"]
    had = json.loads(before.removeprefix("\ufeff")).get("hooks")
    hooks = after.get("hooks", {})
    mixed = {event: [*hooks.get(event, []), installed[event][-1]] for event in EVENTS}
    file.write_text(json.dumps({**after, "hooks": {**hooks, **mixed}}, indent=indent))
    install("--uninstall")
    left = json.loads(file.read_bytes())
    kept: dict[str, list[Any]] = {event: [] for event in had or {} if event in EVENTS}
    expected = {
        **kept,
        **{event: groups for event, groups in hooks.items() if groups or event not in EVENTS or event in kept},
    }
    assert left.pop("hooks", {}) == expected
    assert left == {key: value for key, value in after.items() if key != "hooks"}
