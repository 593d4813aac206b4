# Damselfly: every command a person or a script needs. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
RUN_DIR ?= .run
export RUN_DIR
# Whatever the shell says: compiled modules are kept, else every start compiles them all again.
export PYTHONDONTWRITEBYTECODE =

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# uv does not read pip's settings: where pip was told of an index, and of whose certificates to
# believe, tell uv the same. Told of none, pip believes those of the system, so uv does, too.
PIP_SAYS = $$($(PY) -m pip config get global.$(1) 2>/dev/null || $(PY) -m pip config get install.$(1) 2>/dev/null || true)
INSTALL = index=$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$(call PIP_SAYS,index-url)}}; \
	cert=$${SSL_CERT_FILE:-$${PIP_CERT:-$(call PIP_SAYS,cert)}}; \
	env $${index:+"UV_DEFAULT_INDEX=$$index"} $${cert:+"SSL_CERT_FILE=$$cert"} \
	UV_SYSTEM_CERTS=$${UV_SYSTEM_CERTS:-1} $(VENV)/bin/uv pip install --quiet \
	--python $(PY) --compile-bytecode --require-hashes

$(VENV)/bin/uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "需要 Python 3.11 或更高 Python 3.11 or newer is needed: PYTHON=python3.12 make …" >&2; exit 1; }
	@echo "准备 Python 环境 preparing the Python environment (.venv)"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/run.stamp: requirements/run.txt $(VENV)/bin/uv
	@echo "安装依赖 installing packages"
	@$(INSTALL) -r requirements/run.txt
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/run.stamp
	@echo "安装开发依赖 installing packages for tests and checks"
	@$(INSTALL) -r requirements/dev.txt
	@touch $@

run: $(VENV)/run.stamp  ## start the whole platform and pay a first payment
	@$(PY) -m deploy.local up

# Where the packages were never installed to the end, nothing was ever started: these two install none.
stop:  ## stop everything that `make run` started; the state stays
	@test ! -e $(VENV)/run.stamp || $(PY) -m deploy.local down

reset:  ## stop, and forget the local state
	@test ! -e $(VENV)/run.stamp || $(PY) -m deploy.local reset

console-dev: $(VENV)/run.stamp  ## the console as you write it, on the stack that `make run` started
	@$(PY) -m deploy.local console dev

test: $(VENV)/dev.stamp  ## the whole suite that needs no JVM
	@mkdir -p "$(RUN_DIR)/test"
	@$(PY) -m deploy.local console
	@$(PY) -m tests.browser.chromium
	$(PY) -m pytest -n 4 --no-loadscope-reorder --junitxml="$(RUN_DIR)/test/junit.xml" tests

test-races: export RACE_ROUNDS = 52
test-races: $(VENV)/dev.stamp  ## what two do at once, fifty times each (`make test` takes 16)
	@mkdir -p "$(RUN_DIR)/test"
	$(PY) -m pytest -n 3 --no-loadscope-reorder --junitxml="$(RUN_DIR)/test/junit-races.xml" -m races tests

kafka: $(VENV)/run.stamp  ## a real Apache Kafka on 127.0.0.1, by Maven
	@$(PY) -m deploy.kafka up

test-kafka: $(VENV)/dev.stamp  ## event, e2e and chaos tests against the real Kafka
	@mkdir -p "$(RUN_DIR)/test"
	@$(PY) -m deploy.kafka run -- sh -ec '\
	  $(PY) -m pytest --junitxml=$(RUN_DIR)/test/junit-kafka.xml -m kafka tests; \
	  $(PY) -m pytest --junitxml=$(RUN_DIR)/test/junit-kafka-e2e.xml tests/e2e; \
	  $(PY) -m tests.chaos --real-kafka --seconds 30'

# A JDK, Maven and Go are needed; the SDKs stay in $(RUN_DIR)/sdks until their pins change.
test-sdks: export SDKS_HOME = $(abspath $(RUN_DIR))/sdks
test-sdks: $(VENV)/dev.stamp  ## public Alipay SDKs (Node, Python, Java, Go) against sandbox and edge
	@mkdir -p "$(RUN_DIR)/test"
	@$(PY) -m tests.conformance.sdk_install
	$(PY) -m pytest --junitxml="$(RUN_DIR)/test/junit-sdks.xml" -m sdks tests/conformance

bench: $(VENV)/dev.stamp  ## performance against a control build; writes .run/bench.json
	$(PY) -m tests.bench

chaos: $(VENV)/dev.stamp  ## faults and kill -9 under load; writes .run/chaos.json
	$(PY) -m tests.chaos

check: $(VENV)/dev.stamp  ## format, lint, types, import contracts, tidy limits, generated files
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) -m deploy.local console check
	$(PY) -m pytest -q tests/architecture tests/contract/test_generated.py

fmt: $(VENV)/dev.stamp  ## format, and write what is generated from the code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .
	$(PY) -m tests.contract.generate
	$(PY) -m deploy.local console fix

.PHONY: help run stop reset console-dev test test-races kafka test-kafka test-sdks bench chaos check fmt
