# Every command of this repository. `make` alone lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
PY := $(VENV)/bin/python
PACKAGES := shared services sandbox deploy/local
# Where a source tree lies; mypy and ruff take their settings from pyproject.toml.
SOURCES := $(wildcard shared/src services/*/src sandbox/*/src deploy/local/src)
PYTEST := $(PY) -m pytest
# Of `make test`, each with a Kafka and a PostgreSQL of its own: most tests wait more than they work.
PROCESSES := 2

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: install
install: ## Create .venv with everything pinned (needs Python 3.11 to 3.13; PYTHON=... chooses one)
	@sh deploy/local/bin/install.sh

.PHONY: compile
compile: install ## Compile the gateway's hot path anew where its sources changed (without: it runs as pure Python)
	@$(PY) services/gateway/hatch_build.py

.PHONY: demo
demo: compile up ## The whole journey for real, with a progress display; leaves the stack running (REPORT=file writes a report)
	@$(PY) -m local_stack demo $(if $(REPORT),--report "$(REPORT)")

.PHONY: demo-compose
demo-compose: install ## The same journey on docker-compose.yml: builds the images, leaves the containers running (REPORT=file)
	@$(PY) -m local_stack demo-compose $(if $(REPORT),--report "$(REPORT)")

.PHONY: up
up: install ## Start Kafka, PostgreSQL, the stand-ins and the five services; returns when all are ready
	@$(PY) -m local_stack up

.PHONY: down
down: install ## Stop everything; data stays
	@$(PY) -m local_stack down

.PHONY: reset
reset: install ## Stop everything and delete its data
	@$(PY) -m local_stack reset

.PHONY: status
status: install ## What runs (JSON=1 for scripts)
	@$(PY) -m local_stack status $(if $(JSON),--json)

.PHONY: logs
logs: install ## The end of every log, or more of one (S=gateway)
	@$(PY) -m local_stack logs $(S)

.PHONY: test
test: compile ## All tests: unit, property, contract, architecture, service, e2e, one round of chaos (PROCESSES=0: one after another)
	@$(PYTEST) tests -m "not compose" -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

.PHONY: test-unit
test-unit: install ## Decisions, no I/O
	@$(PYTEST) tests -m unit

.PHONY: test-property
test-property: install ## Laws, by Hypothesis
	@$(PYTEST) tests -m property

.PHONY: test-contract
test-contract: install ## Two sides agree: schemas, fakes and real adapters, the Stripe double
	@$(PYTEST) tests -m contract

.PHONY: test-service
test-service: install ## One service on real Kafka and PostgreSQL
	@$(PYTEST) tests -m service

.PHONY: test-e2e
test-e2e: install ## Situations on the whole stack
	@$(PYTEST) tests -m e2e

.PHONY: test-browser
test-browser: install ## A person's path through the pages (needs chromium; TOLLWAY_SCREENSHOTS=folder keeps pictures)
	@$(PYTEST) tests -m browser

.PHONY: test-chaos
test-chaos: install ## Many rounds of kill -9, and calls and money counted after them (ROUNDS=20)
	@TOLLWAY_CHAOS_ROUNDS=$(or $(ROUNDS),20) $(PYTEST) tests -m chaos --timeout 7200

.PHONY: bench-tables
bench-tables: install ## 1,000,000 access entries and 10,000 APIs into a worker: seconds, memory, stalls (ARGS="--entries 100000")
	@$(PY) -m benchmarks.tables $(ARGS)

.PHONY: bench-revocation
bench-revocation: export TOLLWAY_ALLOWED_PRIVATE_ADDRESSES = 127.0.0.1:8599
bench-revocation: up ## From the cancel request to the first 403 at every worker, under load (ARGS="--rounds 20 --rate 500")
	@$(PY) -m local_stack bench benchmarks.revocation $(ARGS)

.PHONY: bench-gateway
bench-gateway: compile ## CPU time per call beside nginx and Envoy (REPORT=file writes JSON; ARGS="--rounds 3" and others)
	@$(PY) -m benchmarks.gateway $(if $(REPORT),--report "$(REPORT)") $(ARGS)

.PHONY: bench-pages
bench-pages: install ## Server time of each page, and call -> moved figure, with a million recorded calls (REPORT=file; ARGS="--rounds 10")
	@$(PY) -m benchmarks.pages $(if $(REPORT),--report "$(REPORT)") $(ARGS)

.PHONY: bench-metering
bench-metering: install ## Calls per CPU second beside consumers of one JSON event a call (REPORT=file; ARGS="--rounds 3")
	@$(PY) -m benchmarks.metering $(if $(REPORT),--report "$(REPORT)") $(ARGS)

.PHONY: test-compose
test-compose: install ## docker-compose.yml from build to journey, restart and teardown (skips, with the reason, without Docker)
	@$(PYTEST) tests -m compose --timeout 1800

.PHONY: mutation
mutation: install ## Change rating and lifecycle tables in every place and see whether a test notices (M=shared.rating for one)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/mutation/requirements.lock
	@$(PY) -m tests.mutation $(M)

.PHONY: lint
lint: install ## ruff, mypy --strict, import contracts, architecture
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy $(SOURCES)
	@$(VENV)/bin/lint-imports --no-logo
	@$(PYTEST) -q tests -m architecture

.PHONY: lint-k8s
lint-k8s: install ## deploy/k8s builds and validates strictly for Kubernetes 1.36 (skips, with the reason, without kubectl)
	@sh deploy/local/bin/lint-k8s.sh

.PHONY: format
format: install ## Format the code and repair what ruff can
	@$(VENV)/bin/ruff check --fix-only .
	@$(VENV)/bin/ruff format .

.PHONY: assets
assets: ## Build the pages' style sheet and script (needs Node 20 or later; the result is committed)
	@cd services/portal-api/web-assets && npm install --no-package-lock --no-audit --no-fund --loglevel=error && node build.mjs

.PHONY: lock
lock: ## Resolve all dependencies into requirements.lock, with hashes (UPGRADE=1: newest versions)
	@sh deploy/local/bin/lock.sh
