# `make help` lists the targets. Everything is relative to this folder, so that its path may contain spaces.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
MAKEFLAGS += --no-builtin-rules

# The base interpreter (3.11 or newer); a system one, so that the sandbox's unprivileged user can execute it too.
PYTHON ?= $(shell scripts/find-python)
# An extra package index to take torch from. PyTorch's own CPU index is https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
# Test processes side by side
JOBS ?= 2
# Extra arguments for pytest, such as ARGS="-k locate -x"
ARGS ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1
pip_index := $(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)")

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24
	echo
	echo '  Variables: PYTHON=/path/to/python3.11+   TORCH_INDEX=https://download.pytorch.org/whl/cpu   ARGS="-k name"'

.PHONY: serve
serve: install ## Set everything up and run the service on http://127.0.0.1:8000
	@exec .venv/bin/python -m grader serve

.PHONY: install
install: ## Set up .venv (service), .venv-kernel (students' kernels) and bubblewrap
	@scripts/system-packages --wanted
	scripts/apparmor-profile
	scripts/environment .venv constraints.txt "$(PYTHON)" $(pip_index) --editable .
	scripts/environment .venv-kernel constraints-kernel.txt "$(PYTHON)" $(pip_index) --requirement kernel-requirements.txt

.PHONY: install-test
install-test: ## The same, with everything the tests need
	@scripts/system-packages --required
	scripts/environment .venv constraints.txt "$(PYTHON)" $(pip_index) --editable '.[test]'
	scripts/environment .venv-kernel constraints-kernel.txt "$(PYTHON)" $(pip_index) --requirement kernel-requirements.txt

.PHONY: test
test: install-test ## Set everything up and run every check: ruff, mypy, import-linter, pytest
	@.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m mypy
	.venv/bin/python -c 'import sys; from importlinter.cli import lint_imports_command as lint; sys.exit(lint())'
	# In the order of the folders: unit tests, many and quick, come last, so that no process is left with a long file.
	.venv/bin/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: hostile
hostile: install-test ## Only the attacks: each beside a victim, in the real sandbox
	@.venv/bin/python -m pytest -n $(JOBS) --dist loadfile tests/hostile $(ARGS)

.PHONY: soak
soak: install-test ## Slow tests: kill -9 of every process, whole days in every combination, many draws; fuzzers with new inputs
	@.venv/bin/python -m pytest -m soak $(ARGS)
	FUZZ_TIMES=50 .venv/bin/python -m pytest tests/fuzz $(ARGS)

.PHONY: bench
bench: install-test ## Benchmarks, as ratios against a baseline measured in the same run
	@.venv/bin/python benchmarks $(ARGS)

.PHONY: format
format: install-test ## Format the code
	@.venv/bin/python -m ruff check --fix .
	.venv/bin/python -m ruff format .

.PHONY: constraints
constraints: ## Resolve all dependencies anew and freeze them into the constraints files
	@scripts/freeze constraints.txt "$(PYTHON)" $(pip_index) '.[test]'
	scripts/freeze constraints-kernel.txt "$(PYTHON)" $(pip_index) --requirement kernel-requirements.txt

.PHONY: clean
clean: ## Remove the environments (not the data)
	@rm -rf .venv .venv-kernel .install
