# genoattn: `make book` and read, `make test` and trust, `make study` and redo it all.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
VENV ?= .venv
CORES ?= all

# Not /bin/sh: make 3.81, which macOS has, would then run plain commands without the PATH below.
SHELL := sh

# A folder may have a space in its name, which only escaped is part of a target's name.
space := $(subst ,, )
READY := $(subst $(space),\$(space),$(VENV))/.ready
AT := $(if $(filter /%,$(firstword $(VENV))),,$(CURDIR)/)$(VENV)

export PATH := $(AT)/bin:$(PATH)
export PYTHONNOUSERSITE := 1
unexport PYTHONPATH

SNAKEMAKE := snakemake --cores $(CORES) --rerun-incomplete --quiet host reason

.PHONY: help book test nightly serve site pdf study train bench lint format clean unlock lock soak
.DEFAULT_GOAL := help

help:  ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

book: $(READY)  ## execute the demo chapters, render the book, print the path of its first page
	@$(SNAKEMAKE) -- book
	@python -m genoattn book check
	@echo "The book is ready: $$(pwd)/_build/html/index.html"

test: $(READY)  ## run the whole test suite
	@python -m pytest --numprocesses auto --dist loadfile

serve: $(READY)  ## show the built book at http://localhost:8000 until Ctrl-C
	@python -m http.server --directory _build/html --bind localhost 8000

site: web/node_modules  ## open every page of the built book in Chromium and say what readers stumble on (needs Node)
	@node web/check.mjs _build/html

pdf: web/node_modules  ## print the study as one PDF through Chromium (needs Node)
	@node web/pdf.mjs _build/html

web/node_modules: web/package-lock.json
	@npm ci --prefix web --no-audit --no-fund --silent
	@touch web/node_modules

nightly: $(READY)  ## try 2,000 files on every reader; install the package alone, import, annotate, train
	@python -m pytest tests/test_fuzz.py --hypothesis-profile nightly
	@.ci/installed

study: $(READY)  ## execute the study on the real E. coli tables and refresh its chapters and results
	@python -m genoattn book data
	@$(SNAKEMAKE) --config profile=ecoli -- chapters
	@python -m genoattn book overview
	@python -m genoattn browser refresh
	@echo "The study is refreshed: book/study/ and book/results/ecoli/. Now: make book"

train: $(READY)  ## train all models of the study anew (hours on a CPU; uses a GPU if there is one)
	@python -m genoattn book data
	@$(SNAKEMAKE) --config profile=ecoli -- trainings

bench: $(READY)  ## measure the attention engine on this machine; write book/results/bench*.csv
	@python -m genoattn bench
	@python -m genoattn costs

soak: $(READY)  ## kill chapters at random for ten minutes; a clean run must then equal an undisturbed one
	@python tests/soak.py --seconds 600

lint: $(READY)  ## check style, types, the order of imports, and what the Scientific Python guide asks of a project
	@ruff check .
	@ruff format --check .
	@mypy
	@lint-imports
	@sp-repo-review . --show err

format: $(READY)  ## put code into the common form, and strip the source notebooks of their outputs
	@ruff check --fix --exit-zero .
	@ruff format .
	@nbstripout --keep-id notebooks/*.ipynb $(wildcard notebooks/course/*.ipynb)

clean:  ## remove what the build made: runs, executed demo chapters, pages, caches (not .venv)
	rm -rf runs/demo book/demo book/api book/course _build .snakemake .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

unlock: $(READY)  ## free the run graph after a killed build
	@snakemake --cores 1 --unlock

# An environment that is there is used as it is, and never removed.
$(READY): requirements.lock pyproject.toml
	@if ! "$(VENV)/bin/python" -m pip --version >/dev/null 2>&1; then \
		test -n "$(PYTHON)" || { echo "genoattn needs Python 3.11 or newer: install it, or name it with make PYTHON=..."; exit 1; }; \
		test -z "$$(ls -A "$(VENV)" 2>/dev/null)" || { echo "$(VENV) is there, but has no Python with pip: remove it, or name another place with make VENV=..."; exit 1; }; \
		"$(PYTHON)" -c "import ensurepip" || { echo "$(PYTHON) makes no environment: on Debian or Ubuntu, install python3-venv"; exit 1; }; \
		echo "Creating $(VENV) with $(PYTHON)"; \
		"$(PYTHON)" -m venv "$(VENV)" || exit 1; \
	fi >&2
	@echo "Installing the pinned packages into $(VENV) (some minutes and 2 GB or more, mostly torch)"
	@"$(VENV)/bin/python" -m pip install --disable-pip-version-check --quiet -r requirements.lock
	@"$(VENV)/bin/python" -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch "$(VENV)/.ready"

lock:  ## for developers: resolve pyproject.toml anew into requirements.lock and environment.yml
	rm -rf .venv-lock
	"$(PYTHON)" -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet -e '.[book,dev]'
	.venv-lock/bin/python -m pip freeze --exclude genoattn --exclude-editable > .venv-lock/freeze.txt
	.venv-lock/bin/python -m genoattn book lock .venv-lock/freeze.txt
	rm -rf .venv-lock
