# genoattn: `make book` and read, `make test` and trust, `make study` and redo it all.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
VENV ?= .venv
CORES ?= all
READY := $(VENV)/.ready
BIN := $(abspath $(VENV))/bin

export PATH := $(BIN):$(PATH)
export PYTHONNOUSERSITE := 1
unexport PYTHONPATH

SNAKEMAKE := snakemake --cores $(CORES) --rerun-incomplete --quiet host reason

.PHONY: help book test study train bench lint clean unlock lock
.DEFAULT_GOAL := help

help:  ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: $(READY)  ## execute the demo chapters, render the book, print the path of its first page
	@$(SNAKEMAKE) -- book
	@python -m genoattn.book check
	@echo "The book is ready: $(CURDIR)/_build/html/index.html"

test: $(READY)  ## run the whole test suite
	@python -m pytest --numprocesses auto --dist loadfile

study: $(READY)  ## execute the study on the real E. coli tables and refresh its chapters and results
	@python -m genoattn.book data
	@$(SNAKEMAKE) --config profile=ecoli -- chapters
	@python -m genoattn.book overview
	@python -m genoattn.browser refresh
	@echo "The study is refreshed: book/study/ and book/results/ecoli/. Now: make book"

train: $(READY)  ## train all models of the study anew (hours on a CPU; uses a GPU if there is one)
	@python -m genoattn.book data
	@$(SNAKEMAKE) --config profile=ecoli -- trainings

bench: $(READY)  ## measure the attention engine on this machine; write book/results/bench.csv
	@python -m genoattn.benchmark

lint: $(READY)  ## check style and types
	@ruff check .
	@ruff format --check .
	@mypy

clean:  ## remove what the build made: runs, executed demo chapters, pages, caches (not .venv)
	rm -rf runs/demo book/demo book/api _build .snakemake .pytest_cache .mypy_cache .ruff_cache .hypothesis

unlock: $(READY)  ## free the run graph after a killed build
	@snakemake --unlock

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "genoattn needs Python 3.11 or newer: install it, or name it with make PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || { echo "Creating $(VENV) with $(PYTHON)"; $(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "$(PYTHON) -m venv failed: on Debian or Ubuntu, install python3-venv" >&2; exit 1; }; }
	@echo "Installing the pinned packages into $(VENV) (some minutes and 2 GB or more, mostly torch)"
	@python -m pip install --disable-pip-version-check --quiet -r requirements.lock
	@python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

lock:  ## for developers: resolve pyproject.toml anew into requirements.lock and environment.yml
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet -e '.[book,dev]'
	.venv-lock/bin/python -m pip freeze --exclude genoattn --exclude-editable > .venv-lock/freeze.txt
	.venv-lock/bin/python -m genoattn.book lock .venv-lock/freeze.txt
	rm -rf .venv-lock
