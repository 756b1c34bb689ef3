"""The version of this package; pyproject.toml reads it from here, and so does a call of the command."""

VERSION = "0.1.0.dev0"
