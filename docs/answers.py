"""What docs/cli.md says of the answers of an agent's calls; tests/docs/test_answers.py compares them with real ones."""

from typing import Final

ABOUT: Final = """\
## What a call answers

Standard output holds exactly one JSON object on one line; with `--quiet` the bare execution id, with `start --export`
lines for `eval`. What a person should know goes to standard error, one line a problem. Times are UTC.

`success: true` means that the receiver has acknowledged it. Otherwise these keys follow, in this order:

| key | when | meaning |
|---|---|---|
| `recorded` | `success` is false | whether the call is kept: delivered, or on this machine's disk |
| `spooled` | on the disk, not yet acknowledged | any later call, `agent-otel flush` or the running stack delivers it |
| `warning` | beside success, too | what is unusual, as listed below |
| `error` | `success` is false | which argument, its value and what is allowed; or why it was not delivered |

```json
{"success": false, "execution_id": "…", "recorded": true, "spooled": true, "error": "nothing listens on 127.0.0.1:4318"}
{"success": false, "execution_id": "…", "recorded": true, "error": "--percent '101': expected a number from 0 to 100"}
{"success": true, "execution_id": "…", "status": "success", "warning": "already completed"}
```

A wrong value of an optional argument costs only itself: the rest is recorded, the value as it was given is kept in
`metadata.rejected`; so are single members of `--issue` and `--learning`, and what belongs to a verdict where
`--verification-status` is missing or wrong. When a required one is missing or wrong, nothing is recorded.

`--track-files` remembers the folder at the start, beside what else is kept of the execution, and compares at the end:
below a git work tree by commits, status and content (ignored files do not count), elsewhere by modification time and
size, up to 100,000 files. Whoever changes a file meanwhile, it counts. What cannot be found out is said on standard
error and kept in `metadata.rejected`. `files_modified` has the first 1,000, `files_modified_count` how many there are.

- `no local start`: the execution began elsewhere. With `--agent`, `--started-at` and `--correlation-id` it gets its
  span all the same; without them only an event is sent, which its row is merged with, and `success` is false.
- `no local state`: this machine cannot keep it in mind; later calls need these three as well.
- `unknown execution: …` (`verify`): the database has nothing of this id yet; the verdict waits there for it.
- `already started`, `already completed`: told twice. There is one execution with one span, and its row has what
  both said.

| exit code | without `--strict` | with `--strict` |
|---|---|---|
| 0 | always | acknowledged |
| 2 | never | an argument was wrong or missing |
| 3 | never | not delivered |

`exec` leaves with the code, or by the signal, of its command: 127 when there is no such command, 126 when it cannot be
executed, 2 when none is given. Its answers go to `--json FILE`, one a line: those of `start` and `complete`, or that
of `step`; standard output is the command's.

`verify` leaves with 0 for what is recorded, delivered or on this machine's disk, 1 for what is not, 2 for a wrong
argument, of which the rest is recorded. The other commands: 0 done, 1 failed, 2 wrong usage."""

#: By command: what stands before its example.
INTRODUCTIONS: Final = {
    "exec": "With `--json FILE` the file holds, of an execution (of a step: the answer of `step`):",
    "verify": "Answers (`agent_name` is null where the execution did not begin on this machine), as one line:",
    "hook completion": "Answers as `complete`. Of an execution that began elsewhere, as one line:",
    "doctor": "With `--json`, as one line:",
    "doctor --send-test": "With `--send-test --json`, as one line (`well` is null at a hop that was not asked):",
}

#: By command: its answer.
EXAMPLES: Final = {
    "start": """\
{
  "success": true,
  "execution_id": "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11",
  "started_at": "2025-10-20T18:38:44Z",
  "correlation_id": "6fd3a1c2-54be-4a0d-8f7f-0d6c1de9b0aa",
  "session_id": "5e0c5b8e-8f43-4c1c-a1d3-7d2f1a4c9b77"
}""",
    "progress": """\
{
  "success": true,
  "execution_id": "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11",
  "agent_name": "agent-research",
  "stage": "analyzing",
  "progress": {"stage": "analyzing", "percent": 50, "updated_at": "2025-10-20T18:38:50Z"}
}""",
    "step": """\
{
  "success": true,
  "execution_id": "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11",
  "agent_name": "agent-research",
  "steps": ["00f067aa0ba902b7"]
}""",
    "complete": """\
{
  "success": true,
  "execution_id": "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11",
  "agent_name": "agent-research",
  "status": "success",
  "duration_ms": 11000,
  "started_at": "2025-10-20T18:38:44Z",
  "completed_at": "2025-10-20T18:38:55Z"
}""",
    "flush": """\
{
  "success": true,
  "delivered": 142,
  "spooled": 0,
  "refused": 0,
  "lost": 0
}""",
    "exec": """\
{"success": true, "execution_id": "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11", "started_at": "2025-10-20T18:38:44Z", …}
{"success": true, "execution_id": "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11", "agent_name": "pytest", …}""",
    "hook completion": """\
{
  "success": false,
  "execution_id": "3c0f6d0e-5a3b-5d0c-8c55-6b1f0f6f7a11",
  "agent_name": "code-review-specialist",
  "status": "success",
  "duration_ms": null,
  "started_at": null,
  "completed_at": "2025-10-20T18:38:55Z",
  "recorded": true,
  "warning": "no local start",
  "error": "execution 3c0f6d0e-5a3b-5d0c-8c55-6b1f0f6f7a11 is not known on this machine: no span is made; …"
}""",
    "verify": """\
{
  "success": true,
  "execution_id": "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11",
  "agent_name": "agent-research",
  "verification_status": "MISMATCH",
  "verified_by": "reviewer",
  "verified_at": "2025-10-27T08:15:00Z"
}""",
    "doctor": """\
{
  "success": true,
  "versions": {"agent-otel": "0.1.0", "Python": "3.12.3", "Linux": "6.8.0 x86_64"},
  "endpoint": "http://127.0.0.1:4318",
  "disabled": false,
  "hops": [
    {"name": "OTLP receiver", "address": "http://127.0.0.1:4318", "well": true, "state": "takes OTLP",
     "milliseconds": 0.9}
  ],
  "spool": {"folder": "/home/me/.local/state/agent-otel/spool", "records": 0, "items": 0, "bytes": 0},
  "sent": 142,
  "acknowledged": 142,
  "refused": 0,
  "lost": 0,
  "counts": {"sent": 142, "acknowledged": 142},
  "problems": [],
  "next": "all is well; `agent-otel doctor --send-test` sends a test execution through every hop"
}""",
    "doctor --send-test": """\
{
  "success": false,
  "execution_id": "0b3d1c3e-6a0f-4a7e-9b57-2f0d2f7a9c11",
  "broken": "Jaeger",
  "hops": [
    {"name": "OTLP receiver", "address": "http://127.0.0.1:4318", "well": true,
     "state": "acknowledged a test execution with a step", "milliseconds": 184.2},
    {"name": "exporter", "address": "127.0.0.1:14317/14318", "well": true, "state": "ready", "milliseconds": 4.5},
    {"name": "PostgreSQL", "address": "127.0.0.1:15432/agent_otel", "well": true,
     "state": "has its row and 2 spans", "milliseconds": 174.1},
    {"name": "Jaeger", "address": "http://127.0.0.1:16686", "well": false,
     "state": "does not answer as Jaeger does: [Errno 111] Connection refused", "milliseconds": null}
  ]
}""",
}
