"""What Claude Code's hooks tell: a prompt is an execution, so is a sub-agent; a tool call is a step.

Which hooks there are, what they carry and in which order they come was measured with the real CLI; each module names
the behaviour that it relies on.
"""
