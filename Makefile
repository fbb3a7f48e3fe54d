# Everything runs in .venv, made from requirements.lock; `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help book course lab results chapter test check fix bench fuzz mutants clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready-$(shell cat requirements.lock pyproject.toml book/scripts/package-lock.json | cksum | cut -d' ' -f1)
NOTEBOOKS := $(wildcard book/chapters/*.ipynb)

# One thread for each process: two busy threads on a shared machine run slower than one.
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= passive
export PYTHONUNBUFFERED := 1

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements.lock pyproject.toml book/scripts/package-lock.json
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11, 5) and "requirements.lock needs Python 3.11.5 or newer: remove .venv, and give make PYTHON=/path/to/it")'
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m book.build_scripts || echo "without the small plotly.js: pages will be 3 MB heavier"
	@rm -f .venv/.ready-* && touch $@

book: $(READY) ## run every chapter (preset class), render strictly, print the start page
	@$(BIN)/python -m book.build

chapter: $(READY) ## the same for one chapter: make chapter C=ptacl
	@test -n "$(C)" || { echo "name a chapter: make chapter C=ptacl"; exit 2; }
	@$(BIN)/python -m book.build --only $(C)

course: $(READY) ## what a class needs, from the chapters that `make book` ran: _build/course
	@$(BIN)/python -m book.course

lab: $(READY) ## JupyterLab on the students' notebooks
	@$(BIN)/python -m book.course --only student
	@$(BIN)/python -m ecglearn lab _build/course/student

results: $(READY) ## make the longer runs that are not there yet: make results T=reports
	@$(BIN)/python results/make.py $(T)

test: check ## the checks, then every test; pages are opened when a Chromium is found
	@$(BIN)/python -m pytest tests -n 2 --dist loadscope

check: $(READY) ## format, lint, types, import contracts, spelling, stripped notebooks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(if $(NOTEBOOKS),$(BIN)/nbstripout --keep-id --verify $(NOTEBOOKS))

fix: $(READY) ## format, apply safe lint fixes, strip notebooks
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(if $(NOTEBOOKS),$(BIN)/nbstripout --keep-id $(NOTEBOOKS))

bench: $(READY) ## ratios measured side by side in one run
	@$(BIN)/python -m benchmarks

fuzz: $(READY) ## damaged inputs by the thousand, and what came of them: make fuzz N=100000 SEED=1
	@$(BIN)/python -m tests.fuzz $(if $(N),--inputs $(N)) $(if $(SEED),--seed $(SEED))

_build/mutants/tool/.ready: $(READY)
	$(BIN)/python -m pip install --quiet --upgrade --target $(@D) "cosmic-ray>=8.4,<9"
	@touch $@

mutants: _build/mutants/tool/.ready ## do tests notice small wrong changes: make mutants R=losses N=100 SEED=1
	@test -n "$(R)" || { echo "name a room or a file of it: make mutants R=losses"; exit 2; }
	@$(BIN)/python -m tools.mutants $(R) $(if $(N),--count $(N)) $(if $(SEED),--seed $(SEED))

clean: ## remove everything that was built, the environment included
	rm -rf _build assets_root .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
