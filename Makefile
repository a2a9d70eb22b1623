# Hopwatch: everything a developer or a newcomer runs. `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVERS ?= 2
DEMO_HTTP_PORT ?= 8082
DEMO_PUBLIC_PORT ?= 8081
DEMO_RATE ?= 12
DEMO_FLAGS = --servers $(SERVERS) --rate $(DEMO_RATE) --http-port $(DEMO_HTTP_PORT) \
	--public-port $(DEMO_PUBLIC_PORT) $(if $(SECONDS),--seconds $(SECONDS))
# make's own SECONDS comes from the command line only, never from bash's variable
ifneq ($(origin SECONDS),command line)
SECONDS :=
endif

# The engine, Compose, and what the tests make images of
ENGINE_PACKAGES = docker.io docker-compose busybox-static mmdebstrap iptables iproute2

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

.PHONY: setup
setup: $(VENV)/.installed web/dist/.built ## Install everything into .venv and build the view

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Hopwatch needs Python 3.11 or newer; this is $$($(PYTHON) --version)."; exit 1; }
	@echo "Python packages into $(VENV) (one to two minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

web/node_modules/.installed: web/package-lock.json
	@command -v npm >/dev/null || { echo "The view is built with Node 20 or newer (with npm), which is not here."; exit 1; }
	@echo "Packages of the view into web/node_modules"
	@cd web && npm ci --silent --no-audit --no-fund
	@touch $@

web/dist/.built: web/node_modules/.installed $(shell find web/src web/index.html web/public web/vite.config.ts gen/ts -type f 2>/dev/null)
	@echo "The view into web/dist"
	@cd web && npm run --silent build >/dev/null
	@touch $@
	@touch $@

.PHONY: demo
demo: setup ## Two servers with real Traefik, agents, hub and traffic, until Ctrl-C (SECONDS=30 ends by itself)
	@exec $(BIN)/python -m servers.runner demo $(DEMO_FLAGS)

.PHONY: up
up: ## The same in Docker: images, two servers, hub, traffic (HUB_PORT, SERVER_A_PORT, SERVER_B_PORT, PUBLISH)
	@$(PYTHON) -m servers.runner.deploy up

.PHONY: down
down: ## End what `make up` started, and remove it
	@$(PYTHON) -m servers.runner.deploy down

.PHONY: test
test: setup browser engine ## Every test, real Traefik, real Chromium and a real Docker engine included
	@$(BIN)/python -m pytest
	@cd web && npm run --silent test

.PHONY: browser
browser: # Chromium for the browser tests: Debian's, as root; elsewhere the tests say what is missing
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ echo "Chromium from Debian's packages"; apt-get update -qq && \
		apt-get install -y -qq --no-install-recommends chromium >/dev/null; }; } || true

.PHONY: engine
engine: # A Docker engine for the Docker tests: Debian's, as root; elsewhere the tests say what is missing
	@command -v dockerd >/dev/null && command -v busybox >/dev/null && command -v iptables >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ echo "A Docker engine from Debian's packages"; apt-get update -qq && \
		apt-get install -y -qq --no-install-recommends $(ENGINE_PACKAGES) >/dev/null; }; } || true

.PHONY: check
check: setup ## Format, lint, types, unit tests, generated files
	@$(BIN)/ruff format --check --quiet . && echo "format: good"
	@$(BIN)/ruff check --quiet . && echo "lint: good"
	@$(BIN)/mypy --no-error-summary && echo "types: good"
	@PYTHONPATH=.:gen $(BIN)/lint-imports --no-logo --no-cache >$(VENV)/layers.txt || \
		{ cat $(VENV)/layers.txt; exit 1; }; echo "layers: good"
	@$(BIN)/python -m hub.schemas --check && echo "schemas: good"
	@cd web && npm run --silent check && echo "view: good"
	@$(MAKE) --silent gen-check && echo "generated files: good"
	@$(BIN)/python -m pytest -q -m "not e2e"
	@cd web && npm run --silent test

.PHONY: gen
gen: setup ## Make the generated files again: protocol, schemas, TypeScript forms
	@$(BIN)/python -m grpc_tools.protoc -Iproto --python_out=gen --grpc_python_out=gen --pyi_out=gen \
		proto/hopwatch/v1/*.proto
	@$(BIN)/python -m hub.schemas
	@cd web && npm run --silent gen

.PHONY: gen-check
gen-check: gen # Generated files are committed as the sources make them
	@git diff --exit-code --stat -- gen docs/schemas

.PHONY: bench
bench: setup ## Benchmarks and long campaigns; figures are printed, nothing is asserted
	@$(BIN)/python -m bench

.PHONY: screenshots
screenshots: setup browser ## Take the README's picture of the real demo again
	@HOPWATCH_WRITE_SCREENSHOTS=1 $(BIN)/python -m pytest -q tests/e2e/test_browser.py

.PHONY: format
format: setup ## Format the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .
	@cd web && npm run --silent format

.PHONY: lock
lock: ## Pin the newest fitting versions in requirements/
	@$(BIN)/python -m pip install --quiet uv
	@for kind in agent hub; do $(BIN)/uv pip compile -q --generate-hashes --universal --python-version 3.11 \
		--no-header --no-annotate --extra $$kind pyproject.toml -o requirements/$$kind.txt; done
	@printf 'aiohttp\nclick\n' | $(BIN)/uv pip compile -q --generate-hashes --universal --python-version 3.11 \
		--no-header --no-annotate - -o requirements/services.txt
	@$(BIN)/uv pip compile -q --generate-hashes --universal --python-version 3.11 --no-header --no-annotate \
		--extra agent --extra hub --extra demo --extra dev pyproject.toml -o requirements/dev.txt

.PHONY: clean
clean: ## Remove what setup and the demo made
	@rm -rf $(VENV) web/node_modules web/dist .demo
