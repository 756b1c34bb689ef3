"""An agent that does what a story says, with the Python helpers: a program of its own; prints its execution id."""

import json
import sys
from pathlib import Path

import agent_otel


def main(path: str) -> None:
    """`path`: the story as a JSON array of its document, what other schemas add, and the details of its steps."""
    document, more, steps = json.loads(Path(path).read_text(encoding="utf-8"))
    intent, agent, sent = document["main_agent_context"], document["agent_metadata"], document["delegation"]
    done, output, verdict = document["execution"], document["output"], document["verification"]
    with agent_otel.delegate(
        agent["name"],
        prompt=sent["prompt_sent"],
        user_request=intent["user_request"],
        reasoning=intent["main_agent_reasoning"],
        expected_outcome=intent["expected_outcome"],
        criteria=more["criteria"],
        risk=intent["risk_assessment"],
        context=sent["context_provided"],
        instructions=sent["instructions"],
        configuration=agent["configuration"],
        tools=agent["tools_available"],
        agent_version=agent["version"],
        session_id=document["session_id"],
        parent_execution_id=more["parent_execution_id"],
        priority=more["priority"],
        triggered_by=more["triggered_by"],
    ) as run:
        for action, details in zip(done["actions_taken"], steps, strict=True):
            told = {name: action[name] for name in ("action", "input", "output", "success", "error", "sequence")}
            run.log_step(action["tool"], **told, **details)
        run.progress(more["stage"], more["percent"])
        run.files_modified(*output["files_modified"])
        run.commands(*output["commands_executed"])
        run.api_calls(*output["api_calls_made"])
        run.tokens(total=more["tokens_used"])
        run.tests_run(more["tests_run"])
        run.issues_found(more["issues_found"])
        run.structured(output["structured_data"])
        run.result(output["raw_response"])
        names = ("description", "type", "impact", "resolution", "prevention")
        for issue in document["issues"]:
            run.issue(**{name: issue[name] for name in names})
        learning = document["learning"]
        run.learning(
            insights=learning["insights_gained"],
            improvements=learning["process_improvements"],
            agent_performance=learning["agent_performance"],
            recommendation=learning["recommendation_for_future"],
        )
        quality = document["quality_metrics"]
        run.quality(
            completeness=quality["completeness"],
            accuracy=quality["accuracy"],
            efficiency=quality["efficiency"],
            adherence=quality["adherence_to_standards"],
        )
        run.verification(
            verdict["status"],
            verdict["expected_vs_actual"],
            criteria_met=verdict["success_criteria_met"],
            criteria_failed=verdict["success_criteria_failed"],
            confidence=verdict["confidence_score"],
            manual_required=verdict["manual_verification_required"],
            by=more["verified_by"],
        )
        if more["status"] == "error":
            run.fail(more["error_message"], more["error_type"])
        elif more["status"] == "partial":
            run.partial(more["error_message"])
    print(run.execution_id)
    agent_otel.flush(timeout=30)


if __name__ == "__main__":
    main(sys.argv[1])
