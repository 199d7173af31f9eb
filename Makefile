# What there is to do; `make` lists it. PYTHON names the Python (3.11 or later) that .venv is made of.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test test-imports test-servers check format bench docs clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(VENV)/.installed ## try it: one request, five ways (PROVIDER=, BASE_URL=, API_KEY=, MODEL=)
	@$(BIN)/python docs/examples/demo.py

test: check ## the whole suite, with the coverage that is asked for
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-imports: $(VENV)/.dev ## import the documents of real servers (installs them below build/)
	$(BIN)/python scripts/real_documents.py

test-servers: $(VENV)/.dev ## ask real servers on this machine (installs them below build/)
	$(BIN)/python scripts/real_servers.py

check: $(VENV)/.dev ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev ## format, and mend what lint can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev ## measure, beside the peers
	$(BIN)/python -m tests.benchmarks

docs: $(VENV)/.dev ## write the generated pages anew
	$(BIN)/python scripts/write_docs.py

clean: ## take away all that was made, the environment included
	rm -rf $(VENV) build dist *.egg-info .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed; make PYTHON=... names another" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: setup.cfg pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: setup.cfg pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.installed
