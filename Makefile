# Herald. `make help` lists what there is to do.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
SECONDS_OF_DEMO ?= 60
SEEDS ?= 1000

.PHONY: help setup setup-dev demo test simulate check format bench lock clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

$(UV):
	@echo "herald: making $(VENV)" >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "herald: needs Python 3.11 or newer, found $$($(PYTHON) --version); set PYTHON=python3.11" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.core: $(UV) requirements.lock pyproject.toml
	@echo "herald: installing (once)" >&2
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.core requirements-dev.lock
	@echo "herald: installing the test tools (once)" >&2
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.core ## Install what Herald needs to run

setup-dev: $(VENV)/.dev ## Install what the tests and checks need too

demo: setup ## Run Herald for a minute on its embedded default
	@$(BIN)/herald demo --seconds $(SECONDS_OF_DEMO)

test: setup-dev ## Run every test on real services
	@$(BIN)/python -m pytest

simulate: setup-dev ## Kill processes at random in SEEDS simulated runs
	@SEEDS=$(SEEDS) $(BIN)/python -m pytest -q tests/simulation

check: setup-dev ## Lint, types, layers, house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/unit/test_house_rules.py

format: setup-dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup-dev ## Measure latency against its floor
	$(BIN)/python -m benchmarks.latency

lock: $(UV) ## Choose newer versions and write the lock files
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --universal --python-version 3.11 pyproject.toml -o requirements.lock
	$(UV) pip compile --quiet --upgrade --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --universal --python-version 3.11 -c requirements.lock --extra train --group dev pyproject.toml -o requirements-dev.lock

clean: ## Remove the environment and all data of this checkout
	rm -rf $(VENV) .herald .pytest_cache .mypy_cache .ruff_cache
