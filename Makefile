# One verb per chore; each sets up what it needs by itself. Kept to what GNU make 3.81 understands, which macOS ships.

PORT ?=
PERSIST ?=
EMULATOR_HOST ?=

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
.NOTPARALLEL:

.PHONY: help run sam-local sam-local-smoke test mutants prove slow bench openapi check build runtime format format-check lint types imports template lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(INSTALLED) ## Run the whole service on this machine, until Ctrl-C (PORT=8080; PERSIST=1 keeps the data)
	@exec env PORT="$(PORT)" PERSIST="$(PERSIST)" .venv/bin/python -m local

sam-local: $(INSTALLED) runtime ## Run the HTTP functions in containers of sam local, before that AWS (PORT=3000)
	@exec env PORT="$(PORT)" PERSIST="$(PERSIST)" EMULATOR_HOST="$(EMULATOR_HOST)" .venv/bin/python -m local sam

test: $(INSTALLED) ## Run the tests (ARGS="-k cancel" narrows them)
	.venv/bin/pytest -m "not slow and not sam_local and not prove" $(ARGS)

sam-local-smoke: $(INSTALLED) runtime ## Call all functions in containers, where there is a container engine
	@if [ -z "$(LENDS_ENGINE)" ] || .venv/bin/python -m local.engine; then \
	  .venv/bin/pytest -m sam_local $(ARGS) tests/sam_local; \
	else \
	  code=0; "$(LENDS_ENGINE)" .venv/bin/pytest -m sam_local $(ARGS) tests/sam_local || code=$$?; \
	  if [ $$code -eq 77 ]; then echo "Skipped: no container engine can be started here"; code=0; fi; \
	  exit $$code; \
	fi

mutants: $(INSTALLED) ## Break the code in known ways, and see that the tests notice each (ARGS='"a name"' narrows it)
	.venv/bin/python -m tests.mutation.runner $(ARGS)

slow: $(INSTALLED) ## Run the tests that wait minutes for the tick
	.venv/bin/pytest -m slow

prove: $(INSTALLED) ## Prove the claims at full size (minutes)
	.venv/bin/python -m tests.proofs.interleavings.explorer --full
	.venv/bin/python -m tests.proofs.simulation
	.venv/bin/pytest -m prove $(ARGS)

bench: $(INSTALLED) ## Measure cold starts and warm calls, as ratios of one run
	.venv/bin/python -m tests.performance.bench

openapi: $(INSTALLED) ## Write docs/openapi.json anew after a change of the HTTP API
	.venv/bin/python -m openapi

check: format-check lint types imports template build sam-local-smoke test mutants slow ## Run everything that CI runs

build: $(INSTALLED) runtime $(NATIVE) ## Build what is deployed, in .aws-sam/build
	@# SAM warns for each function that it has no requirements. That is so on purpose, and would hide what matters.
	@echo "sam build"
	@{ .venv/bin/sam build 2>&1; echo "ended with $$?"; } | \
	  awk '/^requirements.txt file not found/ {next} /^ended with [0-9]+$$/ {exit $$3} {print; fflush()}'
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
	@.venv/bin/python -m local.install
	@touch $@
