# `make` alone lists the targets. Everything lives in $(VENV).
# `make NAME=value` sets these; variables of the environment do not, since many machines set PORT.
PYTHON := python3
VENV := .venv
PORT := 8000
JOBS := 3
NAMES := clean odd poor colourful busy
SOAK_SECONDS ?= 60
FUZZ_SECONDS ?= 10
QUICK := tests/routing tests/http tests/application tests/middleware
MUTATE ?= agent.admission.book agent.hot.pool agent.hot.protocol $(addprefix routing.,pattern paths table shape index node conflicts tree) application.dispatch http.response
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Tests with targets of their own.
APART := speed or package or hosts or faults or cgroups

# Tests write files with names that are not ASCII, and read output as UTF-8. So they must not depend on the locale.
export PYTHONUTF8 := 1
unexport PYTHONIOENCODING
# These variables change the imported code, disable assertions, or move the example below a prefix.
unexport PYTHONHOME PYTHONOPTIMIZE PYTHONPATH PYTHONSAFEPATH SCRIPT_NAME

.DEFAULT_GOAL := help
.PHONY: help run quick fix test lint docs clean check test-all bench-check faults package versions environments hosts-apt \
	hosts cgroups-apt cgroups peers audit pages bench-quick bench bench-compare bench-agent bench-queue fuzz mutation \
	soak soak-queue

##@ Daily

help: ## list the targets
	@echo "Times are for two cores, without the installation."
	@awk -F ':.*## ' '/^##@ / { print "\n" substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp ## serve examples/hello.py with gunicorn on 127.0.0.1:8000, or on PORT=8001
	$(BIN)/python -m gunicorn --bind 127.0.0.1:$(PORT) --no-control-socket examples.hello:app

quick: $(VENV)/dev.stamp lint ## run lint and the fastest tests, those of QUICK, while you work (40 seconds)
	# properties, which are searched at random, are left to make test
	$(BIN)/python -m pytest -q -n $(JOBS) -m "not (slow or server or $(APART))" -k "not properties" $(QUICK)

fix: $(VENV)/dev.stamp ## let ruff correct the code, and format it (1 second)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

test: $(VENV)/dev.stamp ## run the fast tests, before each commit (1 to 2 minutes)
	$(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal -m "not (slow or $(APART))"

lint: $(VENV)/dev.stamp ## run ruff, mypy --strict, import-linter and bandit, and check the English (20 seconds)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/bandit --quiet --ini setup.cfg --recursive microfn examples setup.py
	$(BIN)/python -m tests.prose

docs: $(VENV)/docs.stamp ## build the pages in docs/ into build/docs; warnings are errors (20 seconds)
	$(BIN)/sphinx-build --builder html --fresh-env --fail-on-warning --keep-going --quiet --doctree-dir build/doctrees docs build/docs
	@echo build/docs/index.html

clean: ## remove everything that make created (seconds)
	rm -rf $(VENV) $(VENV)-bench build dist *.egg-info .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis .nox
	find . -name __pycache__ -prune -exec rm -rf {} +

##@ Before a commit or a release

check: lint test-all docs ## run lint, test-all and docs, before you push; all have to pass (16 minutes)

test-all: $(VENV)/dev.stamp ## run all tests and require 100 % coverage (15 minutes)
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -m "not ($(APART))"
	$(BIN)/python -m coverage report
	$(BIN)/python -m pytest -m speed

bench-check: $(VENV)-bench/stamp ## check every response of the benchmarks, without timing it (seconds)
	$(VENV)-bench/bin/python -m benchmarks.run check

faults: $(VENV)/dev.stamp ## run functions that misbehave, under gunicorn (2 minutes)
	$(BIN)/python -m pytest -q -m faults tests/servers

package: $(VENV)/dev.stamp ## build the distribution files, and install them into an empty environment (1 minute)
	$(BIN)/python -m pytest -m package

versions: $(VENV)/dev.stamp ## run the tests on each installed Python from 3.10 (15 minutes)
	$(BIN)/nox

environments: | $(VENV)/bin/python ## run make run and make test in clones on odd machines: users, locales, load (15 minutes)
	$(BIN)/python -m tests.environments $(NAMES)

hosts-apt: ## install servers that pip does not have, as root; apt starts their services (1 minute)
	apt-get update || true
	DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends apache2 gcc \
		libapache2-mod-passenger libapache2-mod-wsgi-py3 libev-dev lighttpd nginx-light postgresql python3-dev \
		python3-venv redis-server

hosts: $(VENV)/hosts.stamp ## send the same requests through every host; all must be installed (2 minutes)
	MICROFN_HOSTS=all $(BIN)/python -m pytest -q -m hosts tests/hosts

cgroups-apt: ## install what make cgroups needs, as root: qemu and busybox (1 minute)
	apt-get update || true
	DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends busybox-static qemu-system-x86

cgroups: $(VENV)/dev.stamp ## run functions in control groups, in a virtual machine with Debian's kernel (3 minutes)
	$(BIN)/python -m tests.cgroups.machine

peers: $(VENV)/peers.stamp ## run werkzeug's and Flask's own tests on microfn's classes, and libraries with it (1 minute)
	$(BIN)/python -m tests.peers
	MICROFN_LIBRARIES=all $(BIN)/python -m pytest -q tests/test_libraries.py

audit: $(VENV)/audit.stamp ## run pip-audit on all packages in .venv; needs a network (seconds)
	mkdir -p build
	$(PIP) freeze --exclude-editable > build/audit.txt
	$(BIN)/pip-audit --strict --disable-pip --no-deps --progress-spinner off --requirement build/audit.txt || { \
	  echo "The audit failed: a package is vulnerable, or the service was unreachable." >&2; exit 1; }

pages: $(VENV)/dev.stamp ## regenerate the generated parts of docs/deployment (seconds)
	$(BIN)/python -m tests.hosts.pages

##@ Research

bench-quick: $(VENV)-bench/stamp ## measure some rows beside the peers (1 minute)
	$(VENV)-bench/bin/python -m benchmarks.run quick

bench: $(VENV)-bench/stamp ## measure everything, and write the tables and charts in benchmarks/ (10 minutes)
	$(VENV)-bench/bin/python -m benchmarks.run all

bench-compare: $(VENV)-bench/stamp ## compare the speed of this checkout with a commit: REF=main ROWS=stream (2 minutes)
	@$(VENV)-bench/bin/python -m benchmarks.compare --ref="$$REF" --rows="$$ROWS"

bench-agent: $(VENV)/dev.stamp ## measure overload with and without an agent, and cold and hot functions (2 minutes)
	$(BIN)/python -m benchmarks.overload
	$(BIN)/python -m benchmarks.cold
	$(BIN)/python -m benchmarks.hot

fuzz: $(VENV)/fuzz.stamp ## send hostile requests, and run atheris for FUZZ_SECONDS on each target (3 minutes)
	FUZZ_COUNT=12500 FUZZ_PAIRS=1400 FUZZ_LIVES=2000 $(BIN)/python -m pytest -q tests/fuzz
	for target in answering cleaning decoding explaining gating leading looking_up redirecting; do \
	  mkdir -p build/fuzz/$$target; \
	  $(BIN)/python -m tests.fuzz.guided $$target -max_total_time=$(FUZZ_SECONDS) -verbosity=0 \
	    -artifact_prefix=build/fuzz/ build/fuzz/$$target tests/fuzz/corpus/$$target || exit 1; \
	done

mutation: $(VENV)/mutation.stamp ## change each module of MUTATE in many ways; a test must fail for each (hours)
	rm -rf build/mutation
	mkdir -p build/mutation
	cp -r microfn tests setup.cfg build/mutation
	# limit the memory of endless mutants, and keep the order of tests
	cd build/mutation && ulimit -v 4000000 && PYTHONHASHSEED=0 nice -n 15 $(abspath $(BIN))/mutmut run \
	  --max-children 2 $(MUTATE:%='microfn.%.*') > mutmut.log || { tail -n 20 mutmut.log; exit 1; }
	cd build/mutation && $(abspath $(BIN))/python -m tests.mutation.survivors $(MUTATE)

soak: $(VENV)/dev.stamp ## load a server for SOAK_SECONDS, with reloads and a kill (1 minute)
	$(BIN)/python -m tests.servers.soak $(SOAK_SECONDS)

soak-queue: $(VENV)/dev.stamp ## kill the processes of queued calls for SOAK_SECONDS on each database (5 minutes)
	$(BIN)/python -m tests.agent.queue.soak $(SOAK_SECONDS)

bench-queue: $(VENV)/dev.stamp ## time queued calls on SQLite, PostgreSQL, and beside dramatiq and Celery on Redis (3 minutes)
	$(BIN)/python -m benchmarks.queued

$(VENV)/bin/python $(VENV)-bench/bin/python:
	@command -v "$(PYTHON)" > /dev/null || { \
	  echo "There is no $(PYTHON) here: install Python 3.10 or newer, or choose another: make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "$(PYTHON) is too old: install Python 3.10 or newer, or choose another: make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2> /dev/null || { \
	  echo "$(PYTHON) cannot create environments: install its venv (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	"$(PYTHON)" -m venv $(patsubst %/bin/python,%,$@) || { rm -rf $(patsubst %/bin/python,%,$@); exit 1; }

$(VENV)-bench/stamp: setup.cfg setup.py | $(VENV)-bench/bin/python
	$(VENV)-bench/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[bench]'
	# bjoern needs libev, which some machines lack; its part is skipped without it
	-$(VENV)-bench/bin/python -m pip --disable-pip-version-check --quiet install bjoern
	touch $@

$(VENV)/run.stamp: setup.cfg setup.py | $(VENV)/bin/python
	$(PIP) install --editable '.[gunicorn]'
	touch $@

$(VENV)/fuzz.stamp: $(VENV)/dev.stamp
	$(PIP) install --editable '.[fuzz]'
	touch $@

$(VENV)/mutation.stamp: $(VENV)/dev.stamp
	$(PIP) install --editable '.[mutation]'
	touch $@

$(VENV)/hosts.stamp: $(VENV)/dev.stamp
	$(PIP) install --editable '.[hosts]'
	touch $@

$(VENV)/peers.stamp: $(VENV)/dev.stamp
	$(PIP) install --editable '.[peers]'
	touch $@

$(VENV)/dev.stamp: setup.cfg setup.py | $(VENV)/bin/python
	$(PIP) install --editable '.[dev]'
	touch $@ $(VENV)/run.stamp

$(VENV)/audit.stamp: setup.cfg setup.py $(VENV)/dev.stamp
	$(PIP) install --editable '.[audit]'
	touch $@

$(VENV)/docs.stamp: setup.cfg setup.py | $(VENV)/bin/python
	$(PIP) install --editable '.[docs]'
	touch $@
