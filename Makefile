# One target for each chore; a target first installs or builds what it needs. macOS has GNU make 3.81, so this file uses
# nothing newer.

PORT ?=
AWS_PORT ?=
PERSIST ?=
CORS ?=
EMULATOR_HOST ?=
FILE ?=
# How many processes run tests, where they can run side by side; 0 runs all in the one that was started.
WORKERS ?= 2

# A program that runs a command with a container engine, and exits with 77 if it cannot. It is used if no engine answers,
# and only if it is named here.
LENDS_ENGINE ?=

# What `make deploy` and `make remove` need: a stack, a region, and which part of samconfig.toml
STACK ?=
REGION ?=
CONFIG ?=
PARAMS ?=

INSTALLED := .venv/.installed

# The dependencies layer has machine code for arm64, as deployed. The tests import the built artefacts, so an x86-64
# machine also builds the layer for itself.
NATIVE := $(if $(filter x86_64,$(shell uname -m)),.aws-sam/native/template.yaml)

# No check and no test uses an AWS account. Deploying does, and so does verifying what is deployed.
ifeq ($(filter deploy remove verify,$(MAKECMDGOALS)),)
unexport AWS_PROFILE AWS_DEFAULT_PROFILE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
endif
export SAM_CLI_TELEMETRY := 0
# sam build looks for Python 3.13 on the path
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# The build must be for the processor that is deployed.
ARCHITECTURE = $(addprefix --parameter-overrides ,$(filter Architecture=%,$(PARAMS)))

.DEFAULT_GOAL := help

# One thing after another, except for what is meant to run side by side. Each says what it found when it is done.
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif
side_by_side = +@$(MAKE) --no-print-directory SIDE_BY_SIDE=1 -j 2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: help run env worker deploy remove verify sam-local sam-local-smoke quick test slow browser prove prove-part interleavings simulation occurrences faults mutants \
  bench openapi check build runtime format format-check lint types imports template lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(INSTALLED) ## Run the whole service on this machine, until Ctrl-C (PORT=8080; AWS_PORT=4566; PERSIST=1 keeps the data; CORS=http://localhost:5173 lets pages call)
	@exec env PORT="$(PORT)" AWS_PORT="$(AWS_PORT)" PERSIST="$(PERSIST)" CORS="$(CORS)" .venv/bin/python -m local

# A shell takes what this prints, so nothing is installed here.
env: ## Print what a shell needs to talk to make run: eval "$(make -s env)"
	@exec .venv/bin/python -m local.environment

worker: $(INSTALLED) ## Run the worker of examples/worker beside make run, or your own (FILE=my_worker.py)
	@exec .venv/bin/python -m local.worker $(FILE)

sam-local: $(INSTALLED) runtime ## Run the HTTP functions in containers, with sam local (PORT=3000)
	@exec env PORT="$(PORT)" AWS_PORT="$(AWS_PORT)" PERSIST="$(PERSIST)" EMULATOR_HOST="$(EMULATOR_HOST)" .venv/bin/python -m local sam

quick: format-check lint imports types ## Check what takes less than a minute: style, imports, types, unit tests
	.venv/bin/pytest -n $(WORKERS) -m "not slow and not prove" $(ARGS) tests/unit

test: $(INSTALLED) ## Run the tests (ARGS="-k cancel" selects some)
	.venv/bin/pytest -n $(WORKERS) --dist worksteal -m "not slow and not prove" $(ARGS)

slow: $(INSTALLED) ## Run the tests that take long; most wait for a tick or a worker
	.venv/bin/pytest -m slow $(ARGS)

sam-local-smoke: $(INSTALLED) runtime ## Call all functions in containers, if there is a container engine
	@if [ -z "$(LENDS_ENGINE)" ] || .venv/bin/python -m local.engine; then \
	  .venv/bin/pytest -m sam_local $(ARGS) tests/sam_local; \
	else \
	  code=0; "$(LENDS_ENGINE)" .venv/bin/pytest -m sam_local $(ARGS) tests/sam_local || code=$$?; \
	  if [ $$code -eq 77 ]; then echo "Skipped: this machine has no container engine"; code=0; fi; \
	  exit $$code; \
	fi

browser: $(INSTALLED) ## Test the console in Chromium, which must be installed (PICTURES=1 takes those of the docs)
	@env PICTURES="$(PICTURES)" .venv/bin/pytest -m browser $(ARGS) tests/browser

prove: $(INSTALLED) ## Prove the claims at full size (about an hour)
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

occurrences: $(INSTALLED) ## Compare the occurrences of schedules with the clock of every zone (minutes)
	.venv/bin/pytest -s -m "prove or not prove" $(ARGS) tests/proofs/occurrences

faults: $(INSTALLED) ## Try every fault at every call (ARGS="-k create_job" selects some)
	.venv/bin/pytest $(ARGS) tests/proofs/faults

mutants: $(INSTALLED) ## Break the code in known ways, and check that a test notices (ARGS='"a name"' selects one)
	.venv/bin/python -m tests.proofs.mutants.runner $(ARGS)

bench: build ## Measure what calls and starts cost, beside what else one would use (minutes; needs valgrind and PostgreSQL)
	.venv/bin/python -m tests.performance.bench

deploy: build ## Deploy to AWS (STACK=jobs REGION=eu-west-1 CONFIG=dev|prod PARAMS="A=1 B=2")
	@env STACK="$(STACK)" REGION="$(REGION)" CONFIG="$(CONFIG)" PARAMS='$(PARAMS)' .venv/bin/python -m cli.deployment deploy

remove: $(INSTALLED) ## Remove a stack from AWS, and say what stays (STACK=jobs REGION=eu-west-1)
	@env STACK="$(STACK)" REGION="$(REGION)" CONFIG="$(CONFIG)" .venv/bin/python -m cli.deployment remove

# Make hands URL, KEY, PROJECT, CLIENT and the rest on in the environment. Keys have no place in arguments, which every
# user of the machine can read: set KEY and CLIENT in the environment of make.
verify: $(INSTALLED) ## Verify a deployed stack from outside (URL=https://… PROJECT=…; KEY and CLIENT in the environment)
	@.venv/bin/python -m cli.verify

openapi: $(INSTALLED) ## Regenerate docs/openapi.json after a change of the HTTP API
	.venv/bin/python -m openapi

check: format-check lint types imports template build sam-local-smoke browser ## Run everything that CI runs
	@# The slow tests wait while the proofs work.
	$(side_by_side) slow prove-part
	+@$(MAKE) --no-print-directory test

build: $(INSTALLED) runtime $(NATIVE) ## Build the functions and layers in .aws-sam/build
	@# A function has no requirements of its own. SAM warns of that for each one, which would hide a real warning.
	@echo "sam build"
	@{ .venv/bin/sam build $(ARCHITECTURE) 2>&1; echo "ended with $$?"; } | \
	  awk '/^requirements.txt file not found/ {next} /^ended with [0-9]+$$/ {exit $$3} {print; fflush()}'
	@.venv/bin/python -m local.slim .aws-sam/build/DependenciesLayer/python
	@# Byte code shortens cold starts more than anything else. Zip files round times to two seconds, so the byte code
	@# must not be compared with its source by time. The path is that on Lambda, so that tracebacks are right.
	@for layer in DependenciesLayer CoreLayer WorkerLayer; do \
	  .venv/bin/python -m compileall -q -j 2 --invalidation-mode unchecked-hash \
	    -s ".aws-sam/build/$$layer" -p /opt ".aws-sam/build/$$layer/python" || exit 1; \
	done

runtime: $(INSTALLED)
	@.venv/bin/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' || \
	  { echo "The build needs Python 3.13, the runtime of the functions. Install it, then run make clean build"; exit 1; }

.aws-sam/native/template.yaml: $(INSTALLED) layers/dependencies/requirements.txt local/slim.py
	.venv/bin/sam build DependenciesLayer --no-cached --parameter-overrides Architecture=x86_64 --build-dir .aws-sam/native
	@.venv/bin/python -m local.slim .aws-sam/native/DependenciesLayer/python

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

# The layer gets the versions that were tested: the development requirements constrain it.
COMPILE = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  $(if $(UPGRADE),--upgrade)
lock: $(INSTALLED) ## Pin the requirements after a change of pyproject.toml (UPGRADE=1: to the newest versions)
	$(COMPILE) requirements/pip.in -o requirements/pip.txt
	$(COMPILE) --extra dev pyproject.toml -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt pyproject.toml -o layers/dependencies/requirements.txt
	@# Lambda has boto3 of its own for workers.
	echo aws-lambda-powertools | $(COMPILE) -c requirements/dev.txt - -o layers/worker/requirements.txt

clean: ## Remove everything that was built or installed here, except .local
	rm -rf .venv .aws-sam build *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The newest Python that runs and can create environments. A shim of pyenv may be there for a version that is missing or
# not selected, and Debian's python3 may have no venv.
.venv/bin/python:
	@for candidate in \
	    python3.13 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13.*/bin/python3.13 \
	    python3.12 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.12.*/bin/python3.12 \
	    python3.11 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.11.*/bin/python3.11 \
	    python3; do \
	  if "$$candidate" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Creating .venv with $$("$$candidate" --version)"; \
	    exec "$$candidate" -m venv --clear .venv; \
	  fi; \
	done; \
	echo "Found no Python 3.11 or newer that can create a virtual environment"; exit 1

$(INSTALLED): .venv/bin/python requirements/pip.txt requirements/dev.txt pyproject.toml
	@.venv/bin/python -m local.install
	@touch $@
