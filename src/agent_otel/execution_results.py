"""What an agent did and produced: told while it runs, sent with its end."""

import os

from agent_otel import content
from agent_otel import semconv as s
from agent_otel.attribute_value import json_text
from agent_otel.execution_identity import ExecutionIdentity
from agent_otel.execution_outcome import ExecutionOutcome
from agent_otel.guard import guarded
from agent_otel.usage import cost_attributes, count_attributes, token_attributes


class ExecutionResults(ExecutionIdentity):
    """Every method may be called again: lists add up, of single values the last one told holds."""

    __slots__ = ("_outcome",)

    _outcome: ExecutionOutcome

    @guarded
    def result(self, value: object) -> None:
        """Keep what the agent answered: a text, or any object, as JSON."""
        self._outcome.facts.update(content.output_facts(value))

    @guarded
    def structured(self, value: object) -> None:
        """Keep the answer as data: any object, as JSON (content)."""
        self._outcome.facts[s.OUTPUT_STRUCTURED] = json_text(value)

    @guarded
    def tokens(
        self,
        input: int | None = None,  # noqa: A002 - the public spelling
        output: int | None = None,
        *,
        cache_read: int | None = None,
        cache_creation: int | None = None,
        total: int | None = None,
    ) -> None:
        """The execution's own tokens, steps included; the last call holds. `input` includes cached tokens."""
        given = token_attributes(
            input=input, output=output, cache_read=cache_read, cache_creation=cache_creation, total=total
        )
        self._outcome.facts.update(given)

    @guarded
    def cost(self, usd: float) -> None:
        """The execution's own cost in US dollars, steps included; the last call holds."""
        self._outcome.facts.update(cost_attributes(usd))

    @guarded
    def metadata(self, **values: object) -> None:
        """Keep anything else, merged by key; sent with the end."""
        self._outcome.metadata.update(values)

    @guarded
    def files_modified(self, *paths: str | os.PathLike[str]) -> None:
        """Name files that the agent changed; calls add up."""
        self._outcome.add(s.FILES_MODIFIED, paths)

    @guarded
    def commands(self, *texts: str) -> None:
        """Name commands that the agent ran; calls add up."""
        self._outcome.add(s.COMMANDS_EXECUTED, texts)

    @guarded
    def api_calls(self, *texts: str) -> None:
        """Name calls of external APIs, best with their URL; calls add up."""
        self._outcome.add(s.API_CALLS, texts)

    @guarded
    def tests_run(self, n: int) -> None:
        """How many tests it ran; the last call holds."""
        self._outcome.facts.update(count_attributes("tests_run", s.TESTS_RUN, n))

    @guarded
    def issues_found(self, n: int) -> None:
        """How many issues it found, when finding them is its task; the last call holds."""
        self._outcome.facts.update(count_attributes("issues_found", s.ISSUES_FOUND, n))

    @guarded
    def partial(self, reason: str | None = None) -> None:
        """The execution did a part of its task."""
        self._outcome.conclude("partial", None, reason)

    @guarded
    def cancelled(self, reason: str | None = None) -> None:
        """The execution was told to stop."""
        self._outcome.conclude("cancelled", None, reason)
