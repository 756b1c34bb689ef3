"""The verbs of the command's hot path: one short process each. Standard library only, and little of it."""
