"""Python runs this at the start of every process that has this folder in PYTHONPATH: clients, spoiled exporters."""

import os

from tests.faults import clock, spoilers

if clock.VARIABLE in os.environ:
    clock.shift(int(os.environ[clock.VARIABLE]))
if spoilers.VARIABLE in os.environ:
    spoilers.apply(os.environ[spoilers.VARIABLE])
