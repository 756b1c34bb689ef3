"""The scripted model: which turn it plays, how it fails, and that its ledger says what it answered."""

from typing import Any

from tests.claude.ledger import Usage
from tests.claude.model_server import ModelServer
from tests.claude.script import COMPACTION, Call, Place, Turn, place, prompt

SCRIPTS = {"one": [Turn("Go.", [Call("Bash", {"command": "true"})]), Turn("Done.")], "busy": [Turn("Ok.", (), 529, 2)]}


def user(text: str) -> dict[str, Any]:
    """What a user says."""
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def answer(text: str) -> dict[str, Any]:
    """What the model said."""
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def result(text: str) -> dict[str, Any]:
    """What a tool gave back."""
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": text}]}


def ask(model: ModelServer, *messages: dict[str, Any]) -> tuple[int, str, dict[str, Any]]:
    """A request's status, id and message."""
    return model.answer({"model": "claude-sonnet-4-5", "messages": list(messages)}, "session")


def test_the_place_in_a_script_is_told_by_the_last_prompt() -> None:
    """Not by what tools quote, nor by a summary's request."""
    assert place([user(prompt("one"))]) == Place("one", 0)
    assert place([user(prompt("one")), answer("Go."), result(prompt("two"))]) == Place("one", 1)
    assert place([user(prompt("one")), answer("Go."), user(prompt("two"))]) == Place("two", 0)
    assert place([user("hello")]) is None
    wanted = user("Your task is to create a detailed summary of the conversation so far")
    assert place([user(prompt("one")), answer("Go."), wanted]) == Place(COMPACTION, 0)


def test_the_ledger_has_what_was_answered() -> None:
    """Ids and figures differ from request to request; calls are named."""
    with ModelServer(SCRIPTS) as model:
        first = ask(model, user(prompt("one")))
        second = ask(model, user(prompt("one")), answer("Go."), result("ok"))
        noted = model.ledger.requests()
    assert [request.id for request in noted] == [first[1], second[1]]
    assert [(request.script, request.turn) for request in noted] == [("one", 0), ("one", 1)]
    assert [call.id for call in noted[0].calls] == [first[2]["content"][1]["id"]]
    assert noted[0].usage == Usage(*(first[2]["usage"][name] for name in _FIGURES))
    assert noted[0].usage != noted[1].usage
    assert second[2]["stop_reason"] == "end_turn"


def test_errors_come_as_often_as_they_were_asked_for() -> None:
    """Then the turn is played; an error costs nothing."""
    with ModelServer(SCRIPTS) as model:
        statuses = [ask(model, user(prompt("busy")))[0] for _ in range(3)]
        noted = model.ledger.requests()
    assert statuses == [529, 529, 200]
    assert len(noted) == 1


_FIGURES = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
