# One verb per chore; each sets up what it needs by itself. Kept to what GNU make 3.81 understands, which macOS ships.

PORT ?=
PERSIST ?=
EMULATOR_HOST ?=
# How many processes run tests, where they can run side by side; 0 runs all in the one that was started.
WORKERS ?= 2

# Lends a container engine to the command behind it, or ends with 77 where it can not. Some machines have one beside the
# project; it is used where no engine answers.
LENDS_ENGINE ?= $(wildcard ../shared/samlocal/with-docker)

INSTALLED := .venv/.installed

# The dependencies layer holds machine code, and what is deployed is for arm64. The tests import the built artefacts, so
# that a machine of the other kind needs that layer in its own kind as well.
NATIVE := $(if $(filter x86_64,$(shell uname -m)),.aws-sam/native/template.yaml)

# No check and no test has business with an AWS account.
unexport AWS_PROFILE AWS_DEFAULT_PROFILE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
export SAM_CLI_TELEMETRY := 0
# sam build looks for the functions' own Python on the path
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help

# One thing after another, except for what is meant to run side by side. Each says what it found when it is done.
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif
side_by_side = +@$(MAKE) --no-print-directory SIDE_BY_SIDE=1 -j 2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: help run sam-local sam-local-smoke quick test slow prove prove-part interleavings simulation faults mutants \
  bench openapi check build runtime format format-check lint types imports template lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(INSTALLED) ## Run the whole service on this machine, until Ctrl-C (PORT=8080; PERSIST=1 keeps the data)
	@exec env PORT="$(PORT)" PERSIST="$(PERSIST)" .venv/bin/python -m local

sam-local: $(INSTALLED) runtime ## Run the HTTP functions in containers of sam local, before that AWS (PORT=3000)
	@exec env PORT="$(PORT)" PERSIST="$(PERSIST)" EMULATOR_HOST="$(EMULATOR_HOST)" .venv/bin/python -m local sam

quick: format-check lint imports types ## Check what takes less than a minute: style, imports, types, unit tests
	.venv/bin/pytest -n $(WORKERS) -m "not slow and not prove" $(ARGS) tests/unit

test: $(INSTALLED) ## Run the tests (ARGS="-k cancel" narrows them)
	.venv/bin/pytest -n $(WORKERS) -m "not slow and not prove" $(ARGS)

slow: $(INSTALLED) ## Run the tests that wait minutes for the tick
	.venv/bin/pytest -m slow $(ARGS)

sam-local-smoke: $(INSTALLED) runtime ## Call all functions in containers, where there is a container engine
	@if [ -z "$(LENDS_ENGINE)" ] || .venv/bin/python -m local.engine; then \
	  .venv/bin/pytest -m sam_local $(ARGS) tests/sam_local; \
	else \
	  code=0; "$(LENDS_ENGINE)" .venv/bin/pytest -m sam_local $(ARGS) tests/sam_local || code=$$?; \
	  if [ $$code -eq 77 ]; then echo "Skipped: no container engine can be started here"; code=0; fi; \
	  exit $$code; \
	fi

prove: $(INSTALLED) ## Prove the claims at full size (a quarter of an hour)
	$(side_by_side) interleavings simulation
	.venv/bin/pytest -n $(WORKERS) tests/proofs
	.venv/bin/pytest -n $(WORKERS) -m prove
	+@$(MAKE) --no-print-directory mutants

prove-part: $(INSTALLED) ## Prove a part of each claim (minutes)
	.venv/bin/pytest -n $(WORKERS) -m "not prove" tests/proofs
	+@$(MAKE) --no-print-directory mutants

interleavings: $(INSTALLED) ## Explore every order of calls, with two faults in each (ARGS="--seed 2" draws others)
	.venv/bin/python -m tests.proofs.interleavings.explorer --full $(ARGS)

simulation: $(INSTALLED) ## Simulate days and midnights (ARGS="--seed 2 --hours 24" has others)
	.venv/bin/python -m tests.proofs.simulation $(ARGS)

faults: $(INSTALLED) ## Try every fault at every call (ARGS="-k create_job" narrows it)
	.venv/bin/pytest $(ARGS) tests/proofs/faults

mutants: $(INSTALLED) ## Break the code in known ways, and see that the tests notice each (ARGS='"a name"' narrows it)
	.venv/bin/python -m tests.proofs.mutants.runner $(ARGS)

bench: $(INSTALLED) ## Measure cold starts and warm calls, as ratios of one run
	.venv/bin/python -m tests.performance.bench

openapi: $(INSTALLED) ## Write docs/openapi.json anew after a change of the HTTP API
	.venv/bin/python -m local.openapi

check: format-check lint types imports template build sam-local-smoke ## Run everything that CI runs
	@# The slow tests wait while the proofs work.
	$(side_by_side) slow prove-part
	+@$(MAKE) --no-print-directory test

build: $(INSTALLED) runtime $(NATIVE) ## Build what is deployed, in .aws-sam/build
	.venv/bin/sam build
	@# Loading byte code instead of compiling it is the largest lever on cold starts. Zips round times to two seconds,
	@# so it must not be compared with its source by time; the path is the one on Lambda, for its tracebacks.
	@for layer in DependenciesLayer CoreLayer; do \
	  .venv/bin/python -m compileall -q -j 2 --invalidation-mode unchecked-hash \
	    -s ".aws-sam/build/$$layer" -p /opt ".aws-sam/build/$$layer/python" || exit 1; \
	done

runtime: $(INSTALLED)
	@.venv/bin/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' || \
	  { echo "This needs Python 3.13, the runtime of the functions: install it, then make clean build"; exit 1; }

.aws-sam/native/template.yaml: $(INSTALLED) layers/dependencies/requirements.txt
	.venv/bin/sam build DependenciesLayer --no-cached --parameter-overrides Architecture=x86_64 --build-dir .aws-sam/native

format: $(INSTALLED) ## Format the code
	.venv/bin/ruff check --select I --fix-only --quiet
	.venv/bin/ruff format

format-check: $(INSTALLED)
	.venv/bin/ruff format --check

lint: $(INSTALLED) ## Lint the code
	.venv/bin/ruff check

types: $(INSTALLED) ## Check the types
	.venv/bin/mypy

imports: $(INSTALLED) ## Check that imports run one way
	.venv/bin/lint-imports

template: $(INSTALLED) ## Lint template.yaml
	.venv/bin/sam validate --lint
	.venv/bin/cfn-lint template.yaml

# The layer's versions are those that were tested: it is constrained by the development requirements.
COMPILE = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  $(if $(UPGRADE),--upgrade)
lock: $(INSTALLED) ## Pin the requirements anew after a change of pyproject.toml (UPGRADE=1: to the newest versions)
	$(COMPILE) requirements/pip.in -o requirements/pip.txt
	$(COMPILE) --extra dev pyproject.toml -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt pyproject.toml -o layers/dependencies/requirements.txt

clean: ## Remove all that was built or installed here, but for .local
	rm -rf .venv .aws-sam build *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The newest Python that really runs and can make environments: a shim of pyenv may stand for a version that is not
# there or not chosen, and Debian's python3 may come without venv.
.venv/bin/python:
	@for candidate in \
	    python3.13 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13.*/bin/python3.13 \
	    python3.12 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.12.*/bin/python3.12 \
	    python3.11 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.11.*/bin/python3.11 \
	    python3; do \
	  if "$$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Making .venv with $$("$$candidate" --version)"; \
	    exec "$$candidate" -m venv --clear .venv; \
	  fi; \
	done; \
	echo "No Python from 3.11 on was found that can make a virtual environment"; exit 1

$(INSTALLED): .venv/bin/python requirements/pip.txt requirements/dev.txt pyproject.toml
	@echo "Installing into .venv"
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/pip.txt
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
