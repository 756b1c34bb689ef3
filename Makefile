# `make demo` and `make test` need python3 (3.11 or newer, with venv), make and git; everything else they set up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash

.PHONY: demo test fuzz check bench faults isolation soak claude format generate env clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo      run the example agent on a throw-away stack and show what came out'
	@echo 'make test      unit, store, contract and end-to-end tests'
	@echo 'make fuzz      hostile input at every door; FUZZ_ARGS="--payloads 100000 --seed 1"'
	@echo 'make check     format, lint, types, imports, generated files'
	@echo 'make bench     what is measured, against what (benchmarks/RESULTS.md)'
	@echo 'make faults    kill, stop and starve every part under load: nothing acknowledged may be lost or doubled'
	@echo '               FAULTS_ARGS=shell: many shell calls at once, a Collector that dies, calls killed at random points'
	@echo 'make isolation a stuck Jaeger or PostgreSQL must not disturb the other'
	@echo 'make soak      20 minutes of load with a fault a minute: nothing may grow'
	@echo 'make claude    the real Claude Code from npm against a scripted model, in a clean environment; CLAUDE_ARGS="--only tool"'
	@echo 'make generate  write the generated documents and dashboards anew'
	@echo 'make env       write .env with random passwords for docker compose'

demo: $(VENV)/demo
	@$(BIN)/agent-otel demo

test: $(VENV)/dev
	$(BIN)/python -m pytest $(PYTEST_ARGS)

fuzz: $(VENV)/dev
	$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

check: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	$(BIN)/python grafana/dashboards.py --check

bench: $(VENV)/dev
	$(BIN)/python benchmarks/run.py

faults: $(VENV)/dev
	$(BIN)/python -m tests.faults $(FAULTS_ARGS)

isolation: $(VENV)/dev
	$(BIN)/python -m tests.faults isolation $(ISOLATION_ARGS)

soak: $(VENV)/dev
	$(BIN)/python -m tests.faults soak $(SOAK_ARGS)

claude: $(VENV)/dev
	$(BIN)/python -m tests.claude $(CLAUDE_ARGS)

format: $(VENV)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: $(VENV)/dev
	$(BIN)/python docs/generate.py
	$(BIN)/python grafana/dashboards.py

env:
	@test ! -e .env || { echo '.env exists and is left as it is; remove it to make a new one' >&2; exit 1; }
	@umask 077; for name in AGENT_OTEL_POSTGRES_PASSWORD AGENT_OTEL_INGEST_PASSWORD AGENT_OTEL_READER_PASSWORD \
	  GRAFANA_ADMIN_PASSWORD; do echo "$$name=$$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')"; done > .env
	@echo 'wrote .env (readable by you only)'

clean:
	rm -rf $(VENV) .demo build .mypy_cache .ruff_cache .pytest_cache .hypothesis

# A missing part is named with the command that installs it, before anything is tried.
$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo 'Python 3.11 or newer is missing: apt-get install python3 python3-venv (Debian), brew install python (macOS)' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version); choose another with: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo 'the venv module is missing: apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all]'
	@touch $@

$(VENV)/dev: pyproject.toml requirements-dev.txt $(VENV)/demo
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
