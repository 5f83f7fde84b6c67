# make demo   the whole pipeline on this machine, simulated
# make test   all tests; sets up what they need
# make check  style, types, imports, generated files
# make bench  the benchmarks, side by side with peers
# make chaos  100,000 messages while everything is killed at random, and InfluxDB is away for three
#             minutes; SEED= repeats a run
# make test-install  nodes, as their cards make them, and servers in fresh Debians with systemd of their
#             own; a node on arm64, and one with a read-only root whose power is cut, by QEMU; needs root
# make fuzz   whatever reads bytes from outside, each for SECONDS=60
# make docs   the documentation, in build/docs/index.html
# make screenshots  the pictures in the documentation, anew
# make lock   the locked versions, anew

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SECONDS ?= 60
# Tests wait for brokers and browsers more than they compute.
PROCESSES ?= $(shell expr $$(nproc) + 1)

.PHONY: demo test test-install check bench chaos fuzz docs screenshots lock clean packages-demo packages-test packages-install

demo: packages-demo $(VENV)/.demo
	$(BIN)/skolro demo

test: packages-test $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile

check: packages-demo $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m sensor.contract.schema --check docs/contract.schema.json
	$(BIN)/skolro dashboards build --check
	$(BIN)/python -m docs.site build/docs

screenshots: packages-test $(VENV)/.dev
	SKOLRO_TAKE_SCREENSHOTS=1 $(BIN)/python -m pytest tests/docs/test_images.py

docs: $(VENV)/.dev
	$(BIN)/python -m docs.site build/docs

bench: $(VENV)/.dev
	for benchmark in benchmarks/*.py; do $(BIN)/python -m $$(echo $${benchmark%.py} | tr / .) || exit 1; done

chaos: packages-test $(VENV)/.dev
	$(BIN)/python -m tests.system.chaos

test-install: packages-install $(VENV)/.dev
	$(BIN)/python -m tests.install
	$(BIN)/python -m tests.install.server
	$(BIN)/python -m tests.install.image
	$(BIN)/python -m tests.install.arm64
	$(BIN)/python -m tests.install.readonly

fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

packages-demo:
	deploy/install-packages.sh demo

packages-test:
	deploy/install-packages.sh test

packages-install:
	deploy/install-packages.sh install

# What is installed follows the lock: exact versions, checked by hash.
$(VENV)/.demo: requirements/demo.lock pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements/demo.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements/dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@ $(VENV)/.demo

$(BIN)/uv: | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check uv

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)

lock: $(BIN)/uv
	for extra in demo dev server; do \
	  $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	    --extra $$extra --extra build --generate-hashes --no-emit-index-url \
	    --custom-compile-command "make lock" --output-file requirements/$$extra.lock || exit 1; \
	done
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	  --extra radar --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" --output-file deploy/image/node.lock

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
