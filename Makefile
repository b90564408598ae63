# `make help` explains every target. Nothing is needed but make and Python 3.11 or later.
.DEFAULT_GOAL := help
.PHONY: help run test check lint format types lock lock-check bench coverage mutants clean .venv FORCE

BIN := .venv/bin
WORKERS := --numprocesses 2 --dist worksteal
export UV_PYTHON_DOWNLOADS := never
# Compiled once and kept: else each start compiles a thousand modules, and tests start hundreds of programs.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE

# Sample data that may lie beside the project; tests that want it skip without it.
ifeq ($(origin HASHPOST_SHARED),undefined)
ifneq ($(wildcard ../shared),)
export HASHPOST_SHARED := $(abspath ../shared)
endif
endif

help: ## Explain the targets
	@awk -F ':.*## ' '/^[.a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo 'Arguments go into ARGS: make test ARGS="-k hashtag"'

run: .venv/runtime ## Serve on http://127.0.0.1:8000, setting up what it needs
	$(BIN)/hashpost serve $(ARGS)

test: .venv/dev ## Run every test, on real servers that it finds or brings along
	$(BIN)/pytest $(WORKERS) $(ARGS)

check: lock-check lint types coverage ## Everything that a change must pass; CI runs this

lint: .venv/dev ## Style, formatting, and who may import whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo

format: .venv/dev ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix-only --exit-zero
	$(BIN)/ruff format

types: .venv/dev ## Check the types, strictly
	$(BIN)/mypy

coverage: .venv/dev ## Run every test; fail where domain or application is not covered
	$(BIN)/pytest $(WORKERS) --cov --cov-report=term-missing:skip-covered $(ARGS)

mutants: .venv/dev ## Break the domain line by line and see whether its tests notice
	$(BIN)/mutmut run --max-children 2 $(ARGS)
	$(BIN)/mutmut results

bench: .venv/dev ## Measure load beside a bare program, in two minutes
	$(BIN)/python -m bench $(ARGS)

# The locks: pyproject.toml says what is wanted, these say exactly what is installed.
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11
compile = $(COMPILE) $(2) --group pyproject.toml:build -o $(1)/requirements-build.txt && \
	$(COMPILE) $(2) pyproject.toml -o $(1)/requirements.txt && \
	$(COMPILE) $(2) pyproject.toml --group dev -c $(1)/requirements.txt -o $(1)/requirements-dev.txt

lock: .venv/tools ## Renew the locked dependencies (requirements*.txt)
	$(call compile,.,--upgrade)

# What is locked is kept if it still fits, so a release elsewhere in the world fails nobody's check.
lock-check: .venv/tools
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && cp requirements*.txt "$$folder" && \
	$(call compile,"$$folder",) >/dev/null && for lock in requirements*.txt; do \
	cmp "$$lock" "$$folder/$$lock" || { echo "$$lock does not fit pyproject.toml: make lock" >&2; exit 1; }; done

clean: ## Remove whatever was built, cached or installed here
	rm -rf .venv build dist mutants .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache *.egg-info
	find src tests bench -name __pycache__ -prune -exec rm -rf {} +

# .venv in three steps, each with its stamp: the tools, then either the locked set for running or the one for developing.
.venv: .venv/dev

install = $(BIN)/uv pip install --quiet --python $(BIN)/python $(1) || $(BIN)/python -m pip install --quiet $(1)
project = $(call install,--no-deps --no-build-isolation --editable .) && $(BIN)/python -m compileall -q src

.venv/tools: requirements-build.txt $(shell $(BIN)/python -c 'import pip' 2>/dev/null || echo FORCE)
	@$(BIN)/python -c 'import pip' 2>/dev/null || { for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  if "$$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Setting up .venv with $$("$$python" --version)" && exec "$$python" -m venv --clear .venv; fi; \
	done; echo 'hashpost needs Python 3.11 or later with venv; name one: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-build.txt
	@touch $@

.venv/runtime: .venv/tools requirements.txt pyproject.toml setup.py
	@$(call install,--require-hashes -r requirements.txt)
	@$(project)
	@touch $@

.venv/dev: .venv/tools requirements-dev.txt pyproject.toml setup.py
	@$(call install,--require-hashes -r requirements-dev.txt)
	@$(project)
	@touch .venv/runtime $@
