# `make` alone lists the targets. Everything lives in $(VENV); nothing outside the checkout is written.
PYTHON ?= python3
VENV ?= .venv
SOAK_SECONDS ?= 60
FUZZ_SECONDS ?= 10
MUTATE ?= pattern paths table index tree dispatch response
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help run test faults fuzz mutation soak hosts hosts-apt pages lint audit docs check package versions bench bench-quick \
	bench-check bench-compare bench-agent clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp ## serve examples/hello.py with gunicorn on 127.0.0.1:8000
	$(BIN)/gunicorn --bind 127.0.0.1:8000 --no-control-socket examples.hello:app

test: $(VENV)/dev.stamp ## run all tests
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m "not speed and not package and not hosts and not faults"
	$(BIN)/coverage report
	$(BIN)/python -m pytest -m speed

fuzz: $(VENV)/fuzz.stamp ## hostile requests, lives of a Router, and atheris for FUZZ_SECONDS on each target
	FUZZ_COUNT=12500 FUZZ_PAIRS=1400 FUZZ_LIVES=2000 $(BIN)/python -m pytest -q tests/fuzz
	for target in answering cleaning decoding explaining gating leading looking_up redirecting; do \
	  mkdir -p build/fuzz/$$target; \
	  $(BIN)/python -m tests.fuzz.guided $$target -max_total_time=$(FUZZ_SECONDS) -verbosity=0 \
	    -artifact_prefix=build/fuzz/ build/fuzz/$$target tests/fuzz/corpus/$$target || exit 1; \
	done

mutation: $(VENV)/mutation.stamp ## change each module of MUTATE in all ways that mutmut knows; a test has to notice each
	rm -rf build/mutation
	mkdir -p build/mutation
	cp -r microfn tests setup.cfg build/mutation
	# a mutant that never stops may take no more memory than this; the order of the tests is the same each time
	cd build/mutation && ulimit -v 4000000 && PYTHONHASHSEED=0 nice -n 15 $(abspath $(BIN))/mutmut run \
	  --max-children 2 $(MUTATE:%='microfn.%.*') > mutmut.log || { tail -n 20 mutmut.log; exit 1; }
	cd build/mutation && $(abspath $(BIN))/python -m tests.mutation.survivors $(MUTATE)

soak: $(VENV)/dev.stamp ## a server under load, with reloads and a kill, for SOAK_SECONDS
	$(BIN)/python -m tests.servers.soak $(SOAK_SECONDS)

faults: $(VENV)/dev.stamp ## functions that misbehave, under gunicorn
	$(BIN)/python -m pytest -q -m faults tests/servers

hosts: $(VENV)/hosts.stamp ## run one set of requests through every host; none may be missing
	MICROFN_HOSTS=all $(BIN)/python -m pytest -q -m hosts tests/hosts

hosts-apt: ## install with apt, as root, the hosts that pip does not bring (their services start with the machine then)
	apt-get update || true
	DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends apache2 gcc \
		libapache2-mod-passenger libapache2-mod-wsgi-py3 libev-dev lighttpd nginx-light python3-dev python3-venv

pages: $(VENV)/dev.stamp ## write anew what docs/deployment shows of files and of hosts
	$(BIN)/python -m tests.hosts.pages

lint: $(VENV)/dev.stamp ## ruff, mypy --strict, import-linter, bandit
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/bandit --quiet --ini setup.cfg --recursive microfn examples setup.py

audit: $(VENV)/audit.stamp ## pip-audit of all that is installed in .venv; asks a service, so it needs a network
	mkdir -p build
	$(PIP) freeze --exclude-editable > build/audit.txt
	$(BIN)/pip-audit --strict --disable-pip --no-deps --progress-spinner off --requirement build/audit.txt || { \
	  echo "The audit is not passed: there is a vulnerability, or no service could be asked." >&2; exit 1; }

docs: $(VENV)/docs.stamp ## build the pages in docs/ into build/docs, warnings are errors
	$(BIN)/sphinx-build --builder html --fresh-env --fail-on-warning --keep-going --quiet --doctree-dir build/doctrees docs build/docs
	@echo build/docs/index.html

check: lint test docs ## what has to be green before each commit

package: $(VENV)/dev.stamp ## build what is published, and install it where nothing else is
	$(BIN)/python -m pytest -m package

versions: $(VENV)/dev.stamp ## the tests on each Python from 3.10 that this machine has
	$(BIN)/nox

bench-quick: $(VENV)-bench/stamp ## measure some rows against the peers, in a minute
	$(VENV)-bench/bin/python -m benchmarks.run quick

bench: $(VENV)-bench/stamp ## measure everything, and write the tables and charts in benchmarks/
	$(VENV)-bench/bin/python -m benchmarks.run all

bench-check: $(VENV)-bench/stamp ## check every answer that the benchmarks time, without timing it
	$(VENV)-bench/bin/python -m benchmarks.run check

bench-compare: $(VENV)-bench/stamp ## compare the speed of this checkout with a commit: REF=main ROWS=stream
	@$(VENV)-bench/bin/python -m benchmarks.compare --ref='$(REF)' --rows='$(ROWS)'

bench-agent: $(VENV)/dev.stamp ## too many requests with an agent and without; a process for each call beside fork and exec
	$(BIN)/python -m benchmarks.overload
	$(BIN)/python -m benchmarks.cold

clean: ## remove all that make made
	rm -rf $(VENV) $(VENV)-bench build dist *.egg-info .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis .nox
	find . -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) > /dev/null || { \
	  echo "There is no $(PYTHON) here: install Python 3.10 or newer, or say which: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "$(PYTHON) is too old: install Python 3.10 or newer, or say which: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
	  echo "$(PYTHON) cannot make environments: install its venv (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)-bench/stamp: setup.cfg setup.py
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[bench]'
	# bjoern is compiled against libev, which not every machine has; without it that part is left out
	-$(VENV)-bench/bin/python -m pip --disable-pip-version-check --quiet install bjoern
	touch $@

$(VENV)/run.stamp: setup.cfg setup.py | $(BIN)/python
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

$(VENV)/dev.stamp: setup.cfg setup.py | $(BIN)/python
	$(PIP) install --editable '.[dev]'
	touch $@ $(VENV)/run.stamp

$(VENV)/audit.stamp: setup.cfg setup.py $(VENV)/dev.stamp
	$(PIP) install --editable '.[audit]'
	touch $@

$(VENV)/docs.stamp: setup.cfg setup.py | $(BIN)/python
	$(PIP) install --editable '.[docs]'
	touch $@
