# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Every target does the set-up that it needs; `make setup` is quick when nothing changed.
# PYTHON=... names the Python (3.11 or later) that .venv is made from.

SHELL := /bin/sh
BIN := .venv/bin

# The Python in .venv once it is there, else PYTHON, else the first on the PATH that is new enough. 3.11 comes first
# because it is the version that the project is tested with.
define FIND_PYTHON
for python in $(BIN)/python $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python; do \
  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found="$$python"; break; fi; \
done; \
if [ -z "$$found" ]; then \
  echo "setup: error: no Python 3.11 or later found (Debian, Ubuntu: apt-get install python3.11 python3.11-venv;" \
       "or name one: make setup PYTHON=/path/to/python)" >&2; exit 1; \
fi
endef

.PHONY: help setup setup-test demo test lint bench bench-blocks bench-results bench-explore bench-timing docs clean

help:
	@echo 'make setup   .venv with the package and what it needs'
	@echo 'make demo    the main job on a small trained model'
	@echo 'make test    lint, types and all tests'
	@echo 'make lint    lint and types only'
	@echo 'make bench   time and memory of the compiler'
	@echo 'make bench-blocks   on-chip memory and compile time of the blocks of six language models'
	@echo 'make bench-results  latency, first token and tokens per second of six language models'
	@echo 'make bench-timing   speed and limits of the cycle simulator and of FIFO sizing'
	@echo 'make bench-explore  searches of a block'"'"'s design space, and how fast they are'
	@echo 'make docs    the generated pages of docs/'
	@echo 'make clean   remove what the commands made, .venv too'

setup:
	@$(FIND_PYTHON); exec "$$found" tools/setup_environment.py

setup-test:
	@$(FIND_PYTHON); exec "$$found" tools/setup_environment.py --extra test

demo: setup
	@$(BIN)/python examples/demo.py

lint: setup-test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright --project pyproject.toml

# pytest is last, so that its closing line is the last line. TESTS=... is for its arguments, such as a file or -x.
test: lint
	@$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile $(TESTS)

bench: setup
	@$(BIN)/python benchmarks/run.py

bench-blocks: setup
	@$(BIN)/python benchmarks/blocks.py

bench-results: setup
	@$(BIN)/python benchmarks/results.py

bench-timing: setup
	@$(BIN)/python benchmarks/timing.py

bench-explore: setup
	@$(BIN)/python benchmarks/explore.py

docs: setup
	@$(BIN)/python -m streamtensor.diagnostics.docs docs/errors.md
	@$(BIN)/python -m streamtensor.cli.pass_docs docs/passes.md

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
