PYTHON ?= python3
BIN := .venv/bin
COMPILE := $(BIN)/uv pip compile -q --universal --upgrade --generate-hashes --no-emit-index-url \
  --no-annotate --no-header pyproject.toml
# uv installs in seconds what takes pip half a minute. pip is the way back where uv cannot be had (it
# has no wheel for this platform) or fails (it does not read what pip is told of indexes, proxies and
# certificates). So uv has a lock and a folder of its own, where the base Python's pip puts it; and pip
# comes into .venv only if it is needed.
UV := .venv/uv/bin/uv
PIP := -m pip -q --disable-pip-version-check
BY_PIP := pip installs what is needed, which takes a minute. See .venv/uv.log.
install = if ! [ -x $(UV) ] || \
  ! $(UV) pip install -q --system-certs --python $(BIN)/python $(1) 2>.venv/uv.log; then \
  if [ -x $(UV) ]; then rm $(UV); echo "uv fails: $(BY_PIP)"; fi; \
  $(PYTHON) -m venv .venv && $(BIN)/python $(PIP) install $(1); fi
.DEFAULT_GOAL := help
# Where this is set, every process compiles every module again: a quarter of the tests' time.
unexport PYTHONDONTWRITEBYTECODE

help:  ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## */\1|/' | \
	  awk -F'|' '{printf "  make %-9s %s\n", $$1, $$2}'

demo: .venv/.run  ## Run the whole tutorial on this machine, then tear it down
	@$(BIN)/lab demo

test: .venv/.dev  ## Run the tests that a change needs
	@$(BIN)/pytest -m "not slow and not long and not soak"

slow: .venv/.dev  ## Run the tests that break, interrupt or set up whole chains
	@$(BIN)/pytest -m "slow and not long and not soak"

unit: .venv/.dev  ## Run the tests that need no cloud, in seconds
	@$(BIN)/pytest -n 0 tests/unit

lab: .venv/.notebooks  ## Open your copies of the notebooks in JupyterLab; FLAGS="--no-browser" is passed on
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/lab open $(FLAGS)

notebooks: .venv/.notebooks  ## Build and execute the notebooks from the scripts
	@$(BIN)/lab dev notebooks

lint: .venv/.dev  ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

long: .venv/.dev  ## Run the tests that take long: a browser, storms, other clients, each finding
	@$(BIN)/pytest -m "long and not soak"

soak: .venv/.dev  ## Put the promise to the test: 2,000 orders, 500 machine runs, kills under load
	@$(BIN)/pytest --soak -m soak

check: lint  ## Run lint, test and soak: what to do before you push
	@$(BIN)/pytest --soak -m "soak or not slow and not long"

bench: .venv/.dev  ## Measure orders per second, against a floor
	@$(BIN)/python -m benchmarks.bench

parity: .venv/.dev  ## Write the local cloud's parity table from the tests
	@$(BIN)/python -m tests.support.parity
	@$(BIN)/python -m tests.support.patches

pictures: .venv/.dev  ## Take the pictures in docs/ again, with Chromium
	@$(BIN)/python -m tests.support.pictures

lock: .venv/.dev  ## Choose new versions of everything and lock them
	$(COMPILE) requirements.in -o requirements.lock
	$(COMPILE) requirements.in -c requirements.lock --extra notebooks -o requirements-notebooks.lock
	$(COMPILE) requirements.in -c requirements-notebooks.lock --extra notebooks --extra dev \
	  -o requirements-dev.lock
	sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.lock >requirements-uv.lock

clean:  ## Remove the virtual environment and what was built
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another one: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Preparing .venv; the first time takes about 20 seconds."
	@$(PYTHON) -m venv --without-pip .venv
	@touch $@

.venv/.uv: .venv/.python requirements-uv.lock
	@{ ! $(PYTHON) -m pip config list | grep -oE '\.(index-url|no-index|proxy)=' && \
	  $(PYTHON) $(PIP) install --upgrade --target .venv/uv --no-compile --no-deps \
	  --only-binary :all: --require-hashes -r requirements-uv.lock; } >.venv/uv.log 2>&1 || \
	  echo "uv cannot be had: $(BY_PIP)"
	@touch $@

.venv/.run: .venv/.uv requirements.lock pyproject.toml
	@$(call install,--require-hashes -r requirements.lock)
	@$(call install,--no-deps --no-build-isolation -e .)
	@touch $@

.venv/.notebooks: .venv/.run requirements-notebooks.lock
	@$(call install,--require-hashes -r requirements-notebooks.lock)
	@$(BIN)/jupyter labextension disable @jupyterlab/apputils-extension:announcements 2>/dev/null
	@touch $@

.venv/.dev: .venv/.notebooks requirements-dev.lock
	@$(call install,--require-hashes -r requirements-dev.lock)
	@touch $@

.PHONY: help demo lab notebooks test unit slow long soak lint check bench parity pictures lock clean
