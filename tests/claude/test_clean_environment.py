"""The guard: the real CLI is started with what is listed and with nothing else."""

import sys
from pathlib import Path

import pytest

from tests.claude.cli import Cli
from tests.claude.environment import UncleanEnvironmentError, canaries, clean_environment, require_clean, telemetry

MODEL = "http://127.0.0.1:4711"


def test_the_clean_environment_passes(tmp_path: Path) -> None:
    """With telemetry to this machine and a home of our own, too."""
    environ = clean_environment(tmp_path, MODEL, Path("/opt/venv/bin"))
    own = {"AGENT_OTEL_HOME": str(tmp_path / "agent-otel"), "AGENT_OTEL_ENDPOINT": "http://127.0.0.1:4318"}
    require_clean({**environ, **own, **telemetry("http://127.0.0.1:4318")}, tmp_path)
    assert len(set(canaries(environ).values())) == len(canaries(environ)) > 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ANTHROPIC_BASE_URL", "https://127.0.0.1:4711"),
        ("ANTHROPIC_BASE_URL", "http://api.example.com:80"),
        ("ANTHROPIC_BASE_URL", "http://127.0.0.1.example.com:80"),
        ("ANTHROPIC_BASE_URL", "http://somebody@127.0.0.1:80"),
        ("ANTHROPIC_BASE_URL", "http://127.0.0.1"),
        ("ANTHROPIC_API_KEY", "sk-a-real-one"),
        ("GITHUB_TOKEN", "ghp_real"),
        ("HOME", "/home/somebody"),
        ("CLAUDE_CONFIG_DIR", "relative"),
        ("AGENT_OTEL_HOME", "{folder}/../elsewhere"),
        ("AGENT_OTEL_ENDPOINT", "http://collector.example.com:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example.com:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=x"),
        ("DISABLE_TELEMETRY", "0"),
        ("PATH", "/usr/bin:."),
        ("HTTPS_PROXY", "http://127.0.0.1:3128"),
        ("ANTHROPIC_AUTH_TOKEN", "canary-x"),
        ("CLAUDE_CODE_OAUTH_TOKEN", "canary-x"),
        ("ANYTHING", "canary-x"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path: Path, name: str, value: str) -> None:
    """Whatever could reach a real account, a real home or another machine; the message does not repeat the value."""
    given = value.format(folder=tmp_path)
    environ = {**clean_environment(tmp_path, MODEL), name: given}
    with pytest.raises(UncleanEnvironmentError, match=name) as refused:
        require_clean(environ, tmp_path)
    assert given not in str(refused.value)


@pytest.mark.parametrize("name", sorted(clean_environment(Path("/folder"), MODEL)))
def test_what_must_be_set_is_missed(tmp_path: Path, name: str) -> None:
    """Without a switch, a home or a base URL the CLI would find its own."""
    environ = clean_environment(tmp_path, MODEL)
    del environ[name]
    optional = {*canaries(environ | {name: ""}), "CLAUDE_CODE_TMPDIR", "PYTHONDONTWRITEBYTECODE"} - {
        "ANTHROPIC_API_KEY"
    }
    if name in optional:
        require_clean(environ, tmp_path)
        return
    with pytest.raises(UncleanEnvironmentError, match=name):
        require_clean(environ, tmp_path)


def test_the_cli_does_not_start_in_an_unclean_environment(tmp_path: Path) -> None:
    """The check stands before the start, not beside it: the program would leave a file."""
    program = tmp_path / "program"
    program.write_text(f"#!{sys.executable}\nopen('started', 'w')\n")
    program.chmod(0o755)
    environ = clean_environment(tmp_path, MODEL)
    with pytest.raises(UncleanEnvironmentError):
        Cli(program, tmp_path, {**environ, "OPENAI_API_KEY": "x"}).start("hello")
    assert not (tmp_path / "work" / "started").exists()
    with Cli(program, tmp_path, environ).start("hello") as process:
        process.communicate(timeout=30)
    assert (tmp_path / "work" / "started").exists()
