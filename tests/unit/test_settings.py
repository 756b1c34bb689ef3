"""agent_otel.settings: which level wins, what is refused, what a wrong value does."""

from pathlib import Path

import pytest

from agent_otel.errors import ConfigurationError
from agent_otel.settings import VARIABLES, Settings, load


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A git repository."""
    folder = tmp_path / "repository"
    (folder / ".git").mkdir(parents=True)
    return folder


def environ(tmp_path: Path, **more: str) -> dict[str, str]:
    """An environment with a home of its own."""
    return {"AGENT_OTEL_HOME": str(tmp_path / "home"), **more}


def user_file(tmp_path: Path, text: str) -> None:
    """Write the user's config.env."""
    folder = tmp_path / "home" / "config"
    folder.mkdir(parents=True)
    (folder / "config.env").write_text(text)


def values(settings: Settings) -> dict[str, object]:
    """Every field but what was found wrong."""
    return {name: getattr(settings, name) for name in Settings.__slots__ if name != "problems"}


def test_defaults(tmp_path: Path) -> None:
    """Without anything said: the local Collector, everything captured, nothing wrong."""
    settings = load({}, environ(tmp_path), cwd=str(tmp_path))
    assert settings.endpoint == "http://127.0.0.1:4318"
    assert settings.capture == "full"
    assert (settings.disabled, settings.headers, settings.project, settings.problems) == (False, (), None, ())
    assert settings.spool_limit == 256 * 1024**2
    assert settings.state_dir == str(tmp_path / "home" / "state")


def test_precedence(tmp_path: Path, project: Path) -> None:
    """Flag > AGENT_OTEL_* > project file > user file > OTEL_* > default, one level after the other."""
    env = environ(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
    assert load({}, env, str(project)).endpoint == "http://127.0.0.1:1"
    user_file(tmp_path, "AGENT_OTEL_ENDPOINT=http://127.0.0.1:2\n")
    assert load({}, env, str(project)).endpoint == "http://127.0.0.1:2"
    (project / ".agent-otel.env").write_text('export AGENT_OTEL_ENDPOINT="http://127.0.0.1:3"\n')
    assert load({}, env, str(project)).endpoint == "http://127.0.0.1:3"
    env["AGENT_OTEL_ENDPOINT"] = "http://127.0.0.1:4"
    assert load({}, env, str(project)).endpoint == "http://127.0.0.1:4"
    assert load({"endpoint": "http://127.0.0.1:5/"}, env, str(project)).endpoint == "http://127.0.0.1:5"


def test_project_is_found_from_below(tmp_path: Path, project: Path) -> None:
    """The project is the enclosing repository's top folder, and can be named otherwise."""
    below = project / "a" / "b"
    below.mkdir(parents=True)
    assert load({}, environ(tmp_path), str(below)).project == "repository"
    assert load({}, environ(tmp_path, AGENT_OTEL_PROJECT="other"), str(below)).project == "other"


def test_session(tmp_path: Path) -> None:
    """Our own session variable wins over Claude Code's."""
    env = environ(tmp_path, CLAUDE_CODE_SESSION_ID="claude")
    assert load({}, env, str(tmp_path)).session_id == "claude"
    assert load({}, {**env, "AGENT_OTEL_SESSION_ID": "mine"}, str(tmp_path)).session_id == "mine"


@pytest.mark.parametrize(
    "line",
    [
        "AGENT_OTEL_HEADERS=authorization=x",
        "AGENT_OTEL_DATABASE_URL=postgresql://h/d",
        "AGENT_OTEL_TOKEN=x",
        "AGENT_OTEL_DB_PASSWORD=x",
        "AGENT_OTEL_HOME=/elsewhere",
        "AGENT_OTEL_TRUST_PROJECT=1",
        "AGENT_OTEL_ENDPOINT=http://collector.example:4318",
        "AGENT_OTEL_ENDPOINT=http://127.0.0.1@collector.example:4318",
        "AGENT_OTEL_ENDPOINT=http://127.0.0.1.example:4318",
    ],
)
def test_project_file_is_not_trusted(tmp_path: Path, project: Path, line: str) -> None:
    """A checked-in file sets no secret and sends nothing to another machine; it is said which line was refused."""
    (project / ".agent-otel.env").write_text(f"# comment\n\n{line}\n")
    settings = load({}, environ(tmp_path), str(project))
    assert values(settings) == values(load({}, environ(tmp_path), str(project)))
    assert settings.endpoint == "http://127.0.0.1:4318"
    assert settings.headers == ()
    assert line.partition("=")[0] in settings.problems[0]


def test_trusted_project(tmp_path: Path, project: Path) -> None:
    """The user can trust a project's endpoint."""
    (project / ".agent-otel.env").write_text("AGENT_OTEL_ENDPOINT=https://collector.example\n")
    settings = load({}, environ(tmp_path, AGENT_OTEL_TRUST_PROJECT="1"), str(project))
    assert settings.endpoint == "https://collector.example"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AGENT_OTEL_ENDPOINT", "127.0.0.1:4318", "http://HOST:PORT"),
        ("AGENT_OTEL_CAPTURE", "everything", "full, metadata, minimal"),
        ("AGENT_OTEL_DISABLED", "maybe", "true, 1, yes, false, 0, no"),
        ("AGENT_OTEL_SPOOL_LIMIT", "1 byte", "1 MiB and 64 GiB"),
        ("AGENT_OTEL_HEARTBEAT_SECONDS", "0", "between 1 and 3600"),
        ("AGENT_OTEL_HEARTBEAT_SECONDS", "nan", "between 1 and 3600"),
        ("AGENT_OTEL_HEADERS", "novalue", "name=value"),
        ("AGENT_OTEL_HEADERS", "a=%z9", "AGENT_OTEL_HEADERS"),
    ],
)
def test_wrong_value(tmp_path: Path, name: str, value: str, said: str) -> None:
    """In the environment it is a problem that names variable and what is allowed, and the default holds; as a flag it
    is an error."""
    settings = load({}, environ(tmp_path, **{name: value}), str(tmp_path))
    assert values(settings) == values(load({}, environ(tmp_path), str(tmp_path)))
    assert name in settings.problems[0]
    assert said in settings.problems[0]
    field = next(variable.field for variable in VARIABLES if variable.name == name)
    with pytest.raises(ConfigurationError, match=field):
        load({field: value}, environ(tmp_path), str(tmp_path))


def test_headers_are_not_shown(tmp_path: Path) -> None:
    """A wrong header is reported without its value, which may be a secret."""
    settings = load({}, environ(tmp_path, AGENT_OTEL_HEADERS="secret-without-name"), str(tmp_path))
    assert "secret-without-name" not in settings.problems[0]


def test_headers(tmp_path: Path) -> None:
    """Headers are percent-decoded, from text or from a mapping."""
    env = environ(tmp_path, AGENT_OTEL_HEADERS="authorization=Bearer%20a%2Cb, x-tenant=7")
    expected = (("authorization", "Bearer a,b"), ("x-tenant", "7"))
    assert load({}, env, str(tmp_path)).headers == expected
    assert load({"headers": dict(expected)}, environ(tmp_path), str(tmp_path)).headers == expected


def test_headers_do_not_leave_unencrypted(tmp_path: Path) -> None:
    """Credentials go over plain http to this machine only."""
    env = environ(tmp_path, AGENT_OTEL_HEADERS="authorization=x", AGENT_OTEL_ENDPOINT="http://collector.example")
    settings = load({}, env, str(tmp_path))
    assert settings.headers == ()
    assert "https://" in settings.problems[0]


@pytest.mark.parametrize(("value", "mode"), [("false", "metadata"), ("true", "full"), ("NO_CONTENT", "metadata")])
def test_capture_alias(tmp_path: Path, value: str, mode: str) -> None:
    """OpenTelemetry's own switch for message content is understood; ours wins."""
    env = environ(tmp_path, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=value)
    assert load({}, env, str(tmp_path)).capture == mode
    assert load({}, {**env, "AGENT_OTEL_CAPTURE": "minimal"}, str(tmp_path)).capture == "minimal"


def test_disabled_by_either_switch(tmp_path: Path) -> None:
    """AGENT_OTEL_DISABLED and OTEL_SDK_DISABLED both turn the client off."""
    assert load({}, environ(tmp_path, AGENT_OTEL_DISABLED="1"), str(tmp_path)).disabled
    assert load({}, environ(tmp_path, OTEL_SDK_DISABLED="true"), str(tmp_path)).disabled


def test_grpc_endpoint_of_opentelemetry_is_not_used(tmp_path: Path) -> None:
    """OTEL_EXPORTER_OTLP_ENDPOINT of a gRPC receiver is left alone, and it is said what to set."""
    env = environ(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4317", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    settings = load({}, env, str(tmp_path))
    assert settings.endpoint == "http://127.0.0.1:4318"
    assert "AGENT_OTEL_ENDPOINT" in settings.problems[0]


def test_spool_limit_units(tmp_path: Path) -> None:
    """Bytes may be given with a unit, or as a number."""
    assert load({}, environ(tmp_path, AGENT_OTEL_SPOOL_LIMIT="2 GiB"), str(tmp_path)).spool_limit == 2 * 1024**3
    assert load({"spool_limit": 5 * 1024**2}, environ(tmp_path), str(tmp_path)).spool_limit == 5 * 1024**2


def test_lines_that_are_no_settings(tmp_path: Path) -> None:
    """What is not AGENT_OTEL_NAME=VALUE is ignored, with its place."""
    user_file(tmp_path, "PATH=/x\nAGENT_OTEL_CAPTURE\n'quoted\n")
    problems = load({}, environ(tmp_path), str(tmp_path)).problems
    assert [problem.split(":")[1] for problem in problems] == ["1", "2", "3"]


def test_unreadable_file(tmp_path: Path) -> None:
    """A file that is not text costs its settings only."""
    (tmp_path / "home" / "config").mkdir(parents=True)
    (tmp_path / "home" / "config" / "config.env").write_bytes(b"\xff\xfe")
    settings = load({}, environ(tmp_path), str(tmp_path))
    assert settings.capture == "full"
    assert "not read" in settings.problems[0]


def test_every_variable_is_documented() -> None:
    """Each variable sets a field of Settings and says what it means."""
    assert {variable.field for variable in VARIABLES} <= set(Settings.__slots__)
    assert all(len(variable.meaning) > 20 for variable in VARIABLES)
