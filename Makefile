# tfg: every target sets up what it needs. `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
PYTEST = $(BIN)/python -m pytest
PARALLEL := -m "not slow" -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Fetched files are kept in ~/.cache/tfg (TFG_CACHE); those of the folder TFG_ASSETS count as here.
FETCHED := $(VENV)/.fetched
FETCH := $(BIN)/tfg assets fetch face_landmarker selfie_segmenter whisper_tiny_en --optional && touch $(FETCHED)

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage test-slow lint format bench sensitivity paper study damaged reliability cluster-check gpu-check clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## Make .venv and fetch what real videos need (TORCH="torch==2.13.0 ..." is what pip installs)
	@$(FETCH)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("tfg needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(TORCH) -c constraints.txt
	$(BIN)/python -m pip install --quiet -e '.[dev,live,report]' -c constraints.txt
	@touch $@

$(FETCHED): $(STAMP) # tried once; `make setup` tries again
	@$(FETCH)

demo: $(FETCHED) ## Random against isexplore on the embedded clip; ends with a table and two videos
	$(BIN)/python run.py -m selector=random,isexplore

test: $(FETCHED) ## All tests that need no GPU; those that need real videos run when TFG_ASSETS is set
	$(PYTEST) $(PARALLEL)

coverage: $(FETCHED) ## The tests again, slower: which lines of tfg they reach, 85 % at least
	$(PYTEST) $(PARALLEL) --cov=tfg --cov-report=term:skip-covered --cov-fail-under=85

test-slow: $(FETCHED) ## The tests that take minutes: whole real videos
	$(PYTEST) -m slow

lint: $(STAMP) ## ruff and mypy, as CI runs them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy tfg experiments analysis run.py

format: $(STAMP) ## Let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## Engines, selection and the embedded clip, measured here (minutes)
	$(BIN)/python -m benchmarks.engines
	$(BIN)/python -m benchmarks.selection
	$(BIN)/python -m benchmarks.clip

sensitivity: $(FETCHED) ## What moves which metric, on the real clips of TFG_ASSETS (about a quarter of an hour)
	$(BIN)/python -m benchmarks.metric_sensitivity --out benchmarks/metric_sensitivity.md

paper: $(STAMP) ## Every table and figure from committed data, and one page of them: analysis/out/paper/paper.html
	$(BIN)/python -m analysis.paper

study: $(FETCHED) ## First what the page lacks is run (about a day on two cores; needs TFG_ASSETS; resumes), then the page is made
	$(BIN)/python -m experiments.ablation
	$(BIN)/python -m analysis.paper.table_ablation
	$(BIN)/python -m experiments.leave_one_out
	$(BIN)/python -m experiments.atlas
	$(BIN)/python -m experiments.atlas_features
	$(BIN)/python -m analysis.atlas
	$(BIN)/python -m experiments.poses
	$(BIN)/python -m analysis.rows poses
	$(BIN)/python -m experiments.same_motion
	$(BIN)/python -m analysis.rows same_motion
	$(BIN)/python -m analysis.paper

damaged: $(STAMP) ## More than a thousand damaged videos and sounds, read by tfg inspect: hangs, crashes, tracebacks (minutes)
	$(BIN)/python -m benchmarks.damaged_media --out benchmarks/damaged_media.md

reliability: $(STAMP) ## Sweeps killed 150 times, disturbed and damaged: is any head lost, made again or different? (about an hour)
	$(BIN)/python -m benchmarks.reliability

cluster-check: $(STAMP) ## A sweep on SLURM, joblib and Ray (those that are here) while jobs are killed: the same heads? (about an hour)
	folder=$$(mktemp -d) && $(BIN)/python -m benchmarks.cluster --folder $$folder && rm -rf $$folder

gpu-check: $(STAMP) ## On a CUDA machine: tests/gpu and benchmarks/gpu, written as JSON and Markdown
	$(BIN)/python -m benchmarks.gpu.check

clean: ## Remove the environment; results and caches stay
	rm -rf $(VENV)
