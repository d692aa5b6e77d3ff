# make rehearse · make test · make check · make explore · make reliability · make fuzz · make bench. Each makes .venv by itself on a machine with Python 3.11 and git.

BIN := .venv/bin
RUNTIME := .venv/.runtime
CHECKOV := .venv/checkov/bin/checkov
DEV := .venv/.dev
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check

# sam finds pip on PATH, must not telephone, and needs some Region, though it asks none.
SAM := PATH="$(CURDIR)/$(BIN):$$PATH" SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 MAKEFLAGS= $(BIN)/sam

.DEFAULT_GOAL := help
.PHONY: help rehearse test check explore reliability fuzz compile bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

APP := unicorn-shop
rehearse: $(RUNTIME) ## rehearse a whole game day of unicorn-shop on this machine; of another by APP=NAME
	@$(BIN)/farshore rehearse $(APP)

test: $(DEV) ## run the tests
	@$(BIN)/pytest --numprocesses 2 --dist loadfile

REPORTS := $(wildcard docs/reliability/*.md)
check: $(DEV) ## format, lint, types, import contracts, stale files, tests, the SAM application; cheap ones first
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/farshore compile --check
	$(BIN)/farshore words --check
	$(BIN)/farshore lint
	$(SAM) validate --lint
	$(MAKE) --no-print-directory $(CHECKOV)
	@echo "checkov: what CloudFormation would see of template.yaml"; temp=$$(mktemp -d) && \
	    trap 'rm -rf "$$temp"' EXIT && $(BIN)/python tests/transform.py template.yaml >"$$temp/template.json" && \
	    $(CHECKOV) --config-file .checkov.yaml --file "$$temp/template.json"
	@for report in $(REPORTS); do \
	    $(BIN)/farshore explore $$(basename $$report .md) --count --check $$report || exit; \
	done
	$(MAKE) --no-print-directory test
	@echo "sam build"; temp=$$(mktemp -d) && trap 'rm -rf "$$temp"' EXIT && \
	    { $(SAM) build --build-dir "$$temp/build" >"$$temp/log" 2>&1 || { cat "$$temp/log"; exit 1; }; }

# Another eighth with each commit, of each runbook that has been explored whole: that has a report.
PART = $(shell expr $$(git rev-list --count HEAD) % 8 + 1)/8
explore: $(RUNTIME) ## an eighth of all faults at all calls, of each runbook with a report and of tests/applications/; PART=K/N another
	@for report in $(REPORTS); do \
	    $(BIN)/farshore explore $$(basename $$report .md) --shard $(PART) --check $$report || exit; \
	done
	@$(BIN)/python -m tests.applications parcels --shard $(PART)
	@$(BIN)/python -m tests.applications shop_otherwise --shard 1/12

reliability: $(RUNTIME) ## every fault at every call, of each runbook, into docs/reliability/: what has changed since, or with ANEW=1 all: half an hour each; of one by ONLY=NAME
	@for runbook in $(or $(ONLY:%=runbooks/%.yaml),runbooks/*.yaml); do \
	    app=$$(basename $$runbook .yaml); $(BIN)/farshore explore $$app --report docs/reliability/$$app.md $(if $(ANEW),--anew) || exit; \
	done

fuzz: $(DEV) ## odd answers, events and runbooks, 100,000 of each: FUZZ=N for so many, SEED=N to begin with that one
	@$(BIN)/python tests/fuzz.py --times $(or $(FUZZ),100000) $(addprefix --seed ,$(SEED))

compile: $(RUNTIME) ## runbooks/ to statemachines/, template.yaml, samconfig.toml, tests/events/, docs/
	@$(BIN)/farshore compile

bench: $(RUNTIME) ## run the benchmarks
	@$(BIN)/python -m bench

# In an environment of its own: it pins another boto3.
$(CHECKOV): $(DEV)
	@echo "farshore: adding checkov (once, about a minute)"
	@$(BIN)/python -m venv .venv/checkov && .venv/checkov/bin/python -m pip install -qq --disable-pip-version-check checkov==3.3.30
	@touch $@

clean: ## remove what was made here
	rm -rf .venv .aws-sam *.egg-info .pytest_cache .mypy_cache .hypothesis .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): pyproject.toml
	@echo "farshore: setting up .venv (once, about half a minute)"
	@for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	    $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    test -x $(BIN)/python || $$python -m venv .venv; \
	    exit; \
	done; \
	echo "farshore: needs Python 3.11 or newer with venv; found $$(python3 --version 2>&1)." >&2; \
	echo "farshore: on Debian and Ubuntu: apt install python3 python3-venv" >&2; \
	exit 1
	@$(PIP) --editable .
	@touch $@

$(DEV): $(RUNTIME)
	@echo "farshore: adding what tests and checks need (once, about a minute)"
	@$(PIP) --editable '.[dev]'
	@touch $@
