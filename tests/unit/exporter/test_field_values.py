"""What a record says of its execution, read from its attributes."""

from typing import Any

import pytest

from agent_otel.exporter.field_values import message_text, read

MESSAGES = {
    "parts": (
        '[{"role": "user", "parts": [{"type": "text", "content": "a"}, {"type": "text", "content": "b"}]}]',
        "a\nb",
    ),
    "only parts": ('[{"type": "text", "content": "a"}]', "a"),
    "a list of values": ([{"type": "text", "content": "a"}], "a"),
    "not only text": ('[{"type": "image", "content": "a"}]', '[{"type": "image", "content": "a"}]'),
    "no JSON": ("[sic] a", "[sic] a"),
    "text": ("a", "a"),
    "nothing": (None, None),
    # What the faster parser refuses and the standard library reads.
    "NaN": ('[{"type": "text", "content": "a", "score": NaN}]', "a"),
    "lone surrogate": (r'[{"type": "text", "content": "a\ud800"}]', "a?"),
    "more than 64 bits": (f'[{{"type": "text", "content": "a", "seed": {2**70}}}]', "a"),
}


@pytest.mark.parametrize(("stated", "shown"), MESSAGES.values(), ids=MESSAGES)
def test_messages_of_text_are_shown_as_text(stated: Any, shown: str | None) -> None:
    """Everything else stands as it was given."""
    assert message_text(stated) == shown


@pytest.mark.parametrize("attribute", ["aotel.intent.user_request", "aotel.intent.reasoning", "aotel.context"])
def test_what_is_no_message_stands_word_for_word(attribute: str) -> None:
    """Even when it looks like one: only GenAI's own attributes hold messages."""
    for text in ('[{"type": "text", "content": "a"}]', '["a"]', " [sic] \n", "{}"):
        assert list(read({attribute: text}).values()) == [text]


@pytest.mark.parametrize(("stated", "shown"), [("{}", {}), ('{"a": 1}', {"a": 1}), ("[]", "[]"), ("words", "words")])
def test_a_configuration_is_an_object_or_text(stated: str, shown: Any) -> None:
    """An empty object is one, too."""
    assert read({"aotel.agent.configuration": stated}) == {"agent_configuration": shown}
