# `make test` and `make demo` do all their set-up themselves, on a machine that has only Python.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Test processes side by side; each computes with one thread, so that they do not fight for cores,
# and takes whole files, so that what the tests of a file share is made once.
JOBS ?= 2

.PHONY: setup test lint demo wheel docs bench clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "marrowscope needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,dev]'
	touch $@

lint: setup
	$(BIN)/ruff check src tests benchmarks tools
	$(BIN)/ruff format --check src tests benchmarks tools
	$(BIN)/mypy

test: setup lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile

# The wheel is built, installed into a bare environment with the network cut, and used there.
wheel: setup
	$(BIN)/python tools/check_wheel.py

demo: setup
	$(BIN)/marrowscope demo -o demo

# The site, in build/site; a page that is missing or a broken link is an error.
docs: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/site

# Helpers, and studies of accuracy that take long; docs/differential.md and
# docs/label-noise.md tell how to run those.
NO_BENCH := $(addprefix benchmarks/,side_by_side.py simulated_smears.py differential_coverage.py differential_estimators.py \
  label_noise.py pretraining.py review_server.py)

# Peers come with the extra 'bench'. Leave the machine alone meanwhile: some figures are wall time.
bench: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,dev,bench]'
	for script in $(filter-out $(NO_BENCH),$(wildcard benchmarks/*.py)); do \
	  $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
