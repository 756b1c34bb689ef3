"""A test execution, sent as any script would send one: by the command's own verbs, in processes of their own."""

import json
import os
import subprocess
import sys
import time
from typing import Any, Final

AGENT: Final = "agent-otel-doctor"
#: What arrives of it: the spans of the execution and of its step.
SPANS: Final = 2
_SECONDS: Final = 30
#: It is no part of whatever the caller is in.
_INHERITED: Final = ("TRACEPARENT", "TRACESTATE", "BAGGAGE")


class Canary:
    """`problem`: why not all of it was acknowledged; empty when it was. Ids are empty when it did not even begin."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._environment = {name: value for name, value in os.environ.items() if name not in _INHERITED}
        self.execution_id = self.correlation_id = self.problem = ""
        self.sent_at = 0.0  #: of time.monotonic
        self.milliseconds = 0.0

    def send(self) -> None:
        """Begin, progress, a step, the end; none of it twice."""
        started = time.monotonic()
        begun = self._call("start", "--agent", AGENT, "--description", "agent-otel doctor --send-test")
        self.execution_id = str(begun.get("execution_id", ""))
        self.correlation_id = str(begun.get("correlation_id", ""))
        if self.execution_id:
            named = ("--execution-id", self.execution_id)
            self._call("progress", *named, "--stage", "under way", "--percent", "50")
            self._call("step", *named, "--tool", "doctor", "--action", "send a step")
            self._call("complete", *named)
        self.sent_at = time.monotonic()
        self.milliseconds = (self.sent_at - started) * 1000

    def _call(self, verb: str, *arguments: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "agent_otel", verb, *arguments, "--endpoint", self._endpoint]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        try:
            answer: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            answer = {"error": done.stderr.strip() or f"exit code {done.returncode}"}
        if not answer.get("success") and not self.problem:
            kept = "; the spool keeps it" if answer.get("spooled") else ""
            self.problem = f"{verb}: {answer.get('error', 'not acknowledged')}{kept}"
        return answer
