#!/bin/sh
# What `make check` runs: style, types, import contracts, laws of the tree, whether generated files are up to date,
# and whether the engine's pure parts are covered by their tests.
# Runs everything even when something fails, says what failed, and exits 1 then. Needs no network and no services.
set -u
cd "$(dirname "$0")/.."
failed=""

step() {
    name=$1
    shift
    printf '%s\n' "-- $name"
    "$@" || failed="$failed $name"
}

# mypy finds each part of the namespace package `jobforge` in its own src folder, and the tests' own modules beside them.
MYPYPATH=$(printf '%s:' libs/*/src services/*/src infra/*/src)infra:tests/architecture:tests/bench:tests/chaos:tests/measure
export MYPYPATH

step format uv run ruff format --check --quiet .
step lint uv run ruff check --quiet .
step types uv run mypy --no-error-summary libs services infra tests
step imports uv run lint-imports --no-cache --no-logo
step generated uv run python infra/generate.py --check
step laws uv run pytest -q --tb=line tests/architecture tests/contracts/test_examples.py
step coverage uv run python infra/pure_coverage.py

if [ -n "$failed" ]; then
    printf '%s\n' "make check failed:$failed" >&2
    exit 1
fi
printf '%s\n' "make check passed"
