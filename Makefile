# Each target makes the virtual environment it needs. Python, its venv module and make are all that must be there.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?= runs/quickstart
PYTEST := $(BIN)/python -m pytest
TWICE := -n 2 --dist worksteal

.PHONY: quickstart test test-slow test-long test-backends test-torch bench lint clean

quickstart: $(VENV)/.installed
	$(BIN)/python -m hdsynth_tf.train --flagfile=experiments/quickstart.flags --run_dir=$(RUN)
	$(BIN)/python -m hdsynth_tf.generate --model=$(RUN) --num_scenes=12 --output_dir=$(RUN)/pictures

test: $(VENV)/.installed-dev
	$(PYTEST) $(TWICE)

test-slow: $(VENV)/.installed-dev
	$(PYTEST) $(TWICE) -m slow

test-long: $(VENV)/.installed-dev
	$(PYTEST) -m long

test-backends: $(VENV)/.installed-torch
	KERAS_BACKEND=torch $(PYTEST) -m backend

test-torch: $(VENV)/.installed-torch
	$(PYTEST) -m "torch and not slow and not long"

bench: $(VENV)/.installed-torch
	$(BIN)/python experiments/benchmarks/bench.py --only="$(ONLY)"

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml setup.py | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.installed-dev: pyproject.toml setup.py | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .[dev]
	touch $@ $(VENV)/.installed

$(VENV)/.installed-torch: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .[torch]
	touch $@

clean:
	rm -rf $(VENV) runs
