# The plane of this tree. Needs Python 3.11+, and either a Docker engine or a JDK 17+, Maven and Go.
# MODE=docker|native forces how it runs; every port has its variable (infra/native/README.md lists them).
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup up down logs status clean demo test check schemas lock bench chaos eval eval-search

PYTHON ?= $(shell sh infra/python.sh)
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/jobforge
# uv from the PATH, or one of our own from PyPI, in the cache.
UV := $(or $(shell uv --version >/dev/null 2>&1 && command -v uv),$(CACHE)/uv/bin/uv)
RUN := $(UV) run --no-sync
PROJECTS := pyproject.toml $(wildcard libs/*/pyproject.toml services/*/pyproject.toml infra/native/pyproject.toml)
export PATH := $(abspath $(dir $(UV))):$(PATH)

help: ## this page
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: .venv/.complete ## put every package and tool into .venv

.venv/.complete: $(PROJECTS) | $(UV)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": set PYTHON=")'
	@echo "jobforge: installing the packages of this workspace for $(PYTHON) (about a minute the first time)" >&2
	@$(UV) sync -q --all-packages --all-extras --compile-bytecode --python $(PYTHON)
	@touch $@

$(CACHE)/uv/bin/uv:
	@echo "jobforge: fetching uv from PyPI" >&2
	@$(PYTHON) -m venv $(CACHE)/uv >/dev/null 2>&1 || python3 -m venv --clear $(CACHE)/uv # Debian's may lack ensurepip
	@$(CACHE)/uv/bin/python -m pip install -q uv

up: setup ## start the plane and leave it running (development profile)
	@$(RUN) python -m jobforge.native up

down: setup ## stop the plane; its data stays
	@$(RUN) python -m jobforge.native down

logs: setup ## follow the logs of everything, together
	@$(RUN) python -m jobforge.native logs

status: setup ## what runs, and whether it is ready
	@$(RUN) python -m jobforge.native status

clean: setup ## stop the plane and remove its data
	@$(RUN) python -m jobforge.native clean

demo: setup ## set up, play the guide's apps on real input, stop what was started
	@$(RUN) python -m jobforge.native demo

# Two processes with servers of their own, a file of tests at a time; the chaos suite wants the machine for itself.
IN_TWO := --numprocesses=2 --dist=loadfile --durations=10
test: setup ## every test and a short chaos suite, on real Kafka, Valkey and Jaeger (40 minutes); ARGS="-k word" or a path chooses
	@$(RUN) python -m jobforge.native fetch
	@$(RUN) pytest $(or $(ARGS),$(IN_TWO))
	$(if $(ARGS),,@$(RUN) pytest tests/chaos)

check: setup ## style, types, layers, laws of the tree, generated files
	@UV_NO_SYNC=1 sh infra/check.sh

schemas: setup ## generate schemas/, docs/templates.md and infra/compose/services.yml
	@$(RUN) python infra/generate.py

lock: setup ## pin every package, to the last transitive one, in pyproject.toml
	@$(RUN) python infra/lock.py

bench: setup ## measure the plane against a raw path on this machine; JOBS=, PAIRS= and OPEN_SECONDS= choose how long
	@$(RUN) python -m jobforge.native fetch
	@$(RUN) python tests/bench/bench.py

chaos: setup ## break everything under load and show that nothing is lost; JOBS=, FAULTS= and SEED= choose
	@$(RUN) python -m jobforge.native fetch
	@$(RUN) python tests/chaos/chaos.py

DATA ?= ../shared/data
JUDGE ?= ../shared/tools/score-contracts
eval: setup ## measure the templates' work on real data; DATA= names its folder, JUDGE= the scorer of contracts, ONLY= parts
	@$(RUN) python -m jobforge.native fetch
	@$(RUN) python tests/measure/evaluate.py $(DATA) --judge $(JUDGE) $(if $(ONLY),--only $(ONLY))

eval-search: ONLY = search
eval-search: eval ## the same of search alone
