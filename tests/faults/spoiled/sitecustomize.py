"""Python runs this at the start of every process that has this folder in PYTHONPATH: of the spoiled exporter."""

import os

from tests.faults import spoilers

spoilers.apply(os.environ[spoilers.VARIABLE])
