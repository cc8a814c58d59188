# `make` alone lists the targets. Everything lives in $(VENV); nothing outside the checkout is written.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help run test lint check coverage clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp ## serve examples/hello.py with gunicorn on 127.0.0.1:8000
	$(BIN)/gunicorn --bind 127.0.0.1:8000 --no-control-socket examples.hello:app

test: $(VENV)/dev.stamp ## run all tests
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report

lint: $(VENV)/dev.stamp ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

check: lint test ## what CI runs

clean: ## remove all that make made
	rm -rf $(VENV) build dist *.egg-info .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: setup.cfg setup.py | $(BIN)/python
	$(PIP) install --editable '.[gunicorn]'
	touch $@

$(VENV)/dev.stamp: setup.cfg setup.py | $(BIN)/python
	$(PIP) install --editable '.[dev]'
	touch $@ $(VENV)/run.stamp
