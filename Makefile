# Everything runs in .venv, which the first command makes and later ones reuse.

PYTHON ?= python3
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input
STAMP  := .venv/.installed

CITY     ?= suryanagar
SCENARIO ?= ransomware_property
POSTURES ?= vendor_reliant,inhouse_ciso
RUNS     ?= 100
SEED     ?= 7
REPORT   ?= out/report.html

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint bench pins clean

help:  ## List the commands
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' Makefile

run: $(STAMP)  ## Compare two ways of defending a city, and write out/report.html
	@mkdir -p '$(dir $(REPORT))'
	$(BIN)/cyberrange compare --city $(CITY) --scenario $(SCENARIO) --postures $(POSTURES) \
		--runs $(RUNS) --seed $(SEED) --report '$(REPORT)'
	@echo 'The report is in $(REPORT): open it in a browser.'

test: $(STAMP)  ## Run all tests and the examples in the docstrings
	$(BIN)/python -m pytest -n auto

lint: $(STAMP)  ## Check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)  ## Measure the speed of both engines, as ratios (some ten minutes)
	$(BIN)/python benchmarks/live.py
	$(BIN)/cyberrange bench

# The oldest Python decides: newer ones resolve versions that 3.11 cannot install.
pins: $(STAMP)  ## Write constraints.txt anew with the versions that resolve today
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo 'Pins are made with Python 3.11: make clean pins PYTHON=python3.11' >&2; exit 1; }
	$(BIN)/python -m venv --clear .venv/pins
	.venv/pins/bin/python -m pip --disable-pip-version-check --no-input install --quiet '.[dev]'
	@sed '/^[^#]/d' constraints.txt > .venv/pins/constraints.txt
	.venv/pins/bin/python -m pip freeze --exclude cyberrange --exclude pip --exclude setuptools \
		>> .venv/pins/constraints.txt
	@mv .venv/pins/constraints.txt constraints.txt && rm -rf .venv/pins

clean:  ## Remove .venv, caches and build products; results in out/ stay
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is older than either file when something to install has changed.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or newer is needed: try make PYTHON=python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ test "$$(id -u)" = 0 && apt-get update -q && apt-get install -qy --no-install-recommends python3-venv; } || \
		{ echo 'This Python cannot make a .venv: on Debian, apt-get install python3-venv' >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(PIP) install --quiet -c constraints.txt hatchling editables
	$(PIP) install --quiet -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@
