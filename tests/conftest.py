"""Options and fixture plug-ins; the fixtures themselves are in tests/fixtures, one topic a file."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.processes",
    "tests.fixtures.shell",
    "tests.fixtures.stack",
    "tests.fixtures.tools",
]

settings.register_profile("default", max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("ci", max_examples=2_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("note", max_examples=100_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
