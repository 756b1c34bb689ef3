"""agent_otel.redaction and what it does to a whole trace."""

import hashlib
from typing import Any

import pytest

import agent_otel
from agent_otel import redaction
from agent_otel import semconv as s
from agent_otel.model import Capture
from agent_otel.redaction import clean
from agent_otel.testing import Captured, capture

SECRETS = (
    *("SECRET-PROMPT", "SECRET-CONTEXT", "SECRET-INSTRUCTIONS", "SECRET-TOOL", "SECRET-ANSWER"),
    *("SECRET-REQUEST", "SECRET-CHOICE", "SECRET-DATA"),
)
TEXTS = (
    *("SECRET-ARGUMENT", "SECRET-ACTION", "SECRET-OBSERVATION", "SECRET-ERROR", "SECRET-REASON"),
    *("SECRET-COMMAND", "SECRET-API", "SECRET-VERDICT", "SECRET-DESCRIPTION", "SECRET-IMPACT", "SECRET-RESOLUTION"),
    *("SECRET-PREVENTION", "SECRET-INSIGHT", "SECRET-IMPROVEMENT", "SECRET-PERFORMANCE", "SECRET-ADVICE"),
)


def run_everything(content: Capture) -> Captured:
    """A trace with a secret in every place that may hold one."""
    with capture(raise_errors=True, content=content) as captured:
        with agent_otel.execution(
            "a",
            prompt="SECRET-PROMPT",
            context={"x": "SECRET-CONTEXT"},
            instructions="SECRET-INSTRUCTIONS",
            tools=["SECRET-TOOL"],
            user_request="SECRET-REQUEST",
            reasoning="SECRET-CHOICE",
        ) as run:
            _say_everything(run)
            with agent_otel.step("t", action="SECRET-ACTION", input="SECRET-ARGUMENT") as call:
                call.output("SECRET-ANSWER")
                call.observation("SECRET-OBSERVATION")
            with pytest.raises(ValueError, match="SECRET"), agent_otel.step("t"):
                raise ValueError("SECRET-ERROR")
            run.log_step("t", success=False, error="SECRET-ERROR", action="SECRET-ACTION")
            run.record_error(ValueError("SECRET-ERROR"))
            run.result("SECRET-ANSWER")
            run.partial("SECRET-REASON")
        with agent_otel.execution("b") as run:
            run.fail("SECRET-ERROR")
    return captured


def _say_everything(run: agent_otel.Execution) -> None:
    run.structured({"x": "SECRET-DATA"})
    run.commands("SECRET-COMMAND")
    run.api_calls("SECRET-API")
    run.verification("MISMATCH", "SECRET-VERDICT")
    run.quality("LOW")
    run.issue(
        "SECRET-DESCRIPTION",
        "INFO",
        impact="SECRET-IMPACT",
        resolution="SECRET-RESOLUTION",
        prevention="SECRET-PREVENTION",
    )
    run.learning(["SECRET-INSIGHT"], ["SECRET-IMPROVEMENT"], "SECRET-PERFORMANCE", "SECRET-ADVICE")


def words(captured: Captured) -> str:
    """Everything that was captured, as text."""
    return repr(captured.spans) + repr(captured.events)


def test_full_keeps_everything() -> None:
    """Nothing is left out."""
    assert all(secret in words(run_everything("full")) for secret in SECRETS + TEXTS)


def test_metadata_keeps_no_content() -> None:
    """Contents are gone; actions, observations and errors stay."""
    found = words(run_everything("metadata"))
    assert not [secret for secret in (*SECRETS, "SECRET-ARGUMENT") if secret in found]
    assert all(text in found for text in TEXTS if text != "SECRET-ARGUMENT")


def test_minimal_keeps_no_text() -> None:
    """No content, argument, observation or error text is left anywhere, spans, statuses, span events, events."""
    captured = run_everything("minimal")
    found = words(captured)
    assert not [secret for secret in SECRETS + TEXTS if secret in found]
    assert s.GEN_AI_TOOL_CALL_ARGUMENTS not in found
    assert captured.span("invoke_agent b")["attributes"][s.ERROR_TYPE] == "_OTHER"


@pytest.mark.parametrize("content", redaction.CAPTURE_MODES)
def test_what_is_counted_stays(content: Capture) -> None:
    """Statuses, labels and types are left in every mode."""
    captured = run_everything(content)
    span = captured.span("invoke_agent a")["attributes"]
    assert (span[s.VERIFICATION_STATUS], span[s.QUALITY_COMPLETENESS]) == ("MISMATCH", "LOW")
    verdict = captured.event(s.GEN_AI_EVALUATION_RESULT)["attributes"]
    assert verdict[s.GEN_AI_EVALUATION_SCORE_LABEL] == "MISMATCH"
    assert captured.event(s.EVENT_ISSUE)["attributes"][s.ISSUE_TYPE] == "INFO"
    assert captured.event(s.EVENT_LEARNING)


@pytest.mark.parametrize("content", redaction.CAPTURE_MODES)
def test_mode_is_stamped(content: Capture) -> None:
    """The execution says what its process kept, in span and events."""
    captured = run_everything(content)
    assert captured.span("invoke_agent a")["attributes"][s.CAPTURE_MODE] == content
    assert captured.events[0]["attributes"][s.CAPTURE_MODE] == content


@pytest.mark.parametrize("mode", ["metadata", "minimal"])
def test_length_and_hash(mode: Capture) -> None:
    """A content is replaced by its length in characters and the SHA-256 of its UTF-8."""
    expected = {
        f"{s.CONTEXT}.length": 4,
        f"{s.CONTEXT}.sha256": hashlib.sha256("Käse".encode()).hexdigest(),
        "other": 1,
    }
    assert clean({s.CONTEXT: "Käse", "other": 1}, mode) == expected


def test_structured_content_of_other_libraries() -> None:
    """A content that is not text is measured as JSON."""
    value: dict[str, Any] = {s.GEN_AI_INPUT_MESSAGES: [{"role": "user"}]}
    assert clean(value, "metadata")[f"{s.GEN_AI_INPUT_MESSAGES}.length"] == len('[{"role": "user"}]')


def test_prompt_length_and_hash_are_of_the_prompt() -> None:
    """aotel.prompt.* measure what the caller gave, whatever the mode."""
    with capture(content="minimal") as captured, agent_otel.execution("a", prompt="hello"):
        pass
    attributes = captured.span("invoke_agent a")["attributes"]
    assert attributes[s.PROMPT_LENGTH] == 5
    assert attributes[s.PROMPT_SHA256] == hashlib.sha256(b"hello").hexdigest()
