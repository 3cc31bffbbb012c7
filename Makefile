# `make` lists the targets. Everything they need is fetched into .tools/ and .venv/ (see CONTRIBUTING.md).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

export PYTHON ?= python3
export REGISTRY ?= localhost/mlendpoints
export TAG ?= dev
export FLUENT_BIT ?=
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := true

NAMESPACE := machine-learning
CHART := deploy/chart/mlendpoints
UV := .tools/bin/uv
VENV := .venv/installed
BIN := .venv/bin
# Restarts the operator's pods when its source has changed, even if its tag has not.
SOURCE = $(shell find src images/operator requirements.lock -type f -not -name '*.pyc' | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-16)
HELM_ARGS ?=
ADDONS ?=

##@ See it work
demo: $(UV) ## Bring up a cluster, install the operator, deploy the Titanic example, request predictions
	@$(PYTHON) hack/demo.py

##@ Test
test: unit apiserver e2e $(if $(KUBECONFIG),,cluster-test) ## Run every test; brings up the local cluster unless KUBECONFIG is set

check: $(VENV) ## Check format, lint, types, imports and generated files (under a minute)
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m hack.generate --check
	@$(BIN)/python -m hack.render --check

unit: $(VENV) ## Run the tests that need no cluster
	@$(BIN)/pytest --numprocesses auto --dist loadfile tests/unit tests/edge tests/images tests/fetcher tests/shipper tests/recorder tests/replay tests/monitoring

apiserver: $(VENV) ## Run the tests against a real kube-apiserver and etcd
	@$(BIN)/pytest --numprocesses auto --dist loadfile tests/apiserver

e2e: $(VENV) ## Run the tests against a whole cluster with Istio
	@hack/cluster --addon prometheus
	@$(MAKE) --no-print-directory images deploy
	@hack/on-cluster $(BIN)/pytest tests/chart tests/e2e

cluster-test: $(VENV) ## Start, break and stop local clusters, each in a network namespace of its own (root)
	@$(PYTHON) -m cluster up >/dev/null
	@$(BIN)/pytest tests/cluster

sweep: $(VENV) ## Kill the operator at every write on a real API server, and explore every state of a small world (SWEEP_ARGS)
	@$(BIN)/python -m tests.model --states 60000
	@$(BIN)/python -m tests.sweep $(SWEEP_ARGS)

bench: $(VENV) ## Measure the operator against the floor of bare writes, model-init against the machine, then what requests see of updates
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench.fetch
	@hack/cluster
	@$(MAKE) --no-print-directory images deploy
	@hack/on-cluster $(BIN)/python -m bench.zero_loss

##@ Local cluster (root, Debian or Ubuntu)
cluster-up: ## Start Kubernetes and Istio on this machine (ADDONS=prometheus)
	@$(PYTHON) -m cluster up $(addprefix --addon ,$(ADDONS))

cluster-down: ## Stop it and remove all traces
	@$(PYTHON) -m cluster down

##@ Install into the cluster of KUBECONFIG, else into the local one
images: $(UV) ## Build the images and load them into the cluster (REGISTRY, TAG, FLUENT_BIT=PROGRAM)
	@$(PYTHON) -m images build --load

push: $(UV) ## Build the images and push them to REGISTRY
	@case "$(REGISTRY)" in localhost/*) echo "Set REGISTRY, such as registry.example.com/team" >&2; exit 1;; esac
	@$(PYTHON) -m images build --load

install: ## Install the CRDs alone
	@hack/on-cluster kubectl apply --server-side --filename deploy/crds

uninstall: ## Remove the CRDs, and with them every endpoint, config and model
	@hack/on-cluster kubectl delete --ignore-not-found --filename deploy/crds

deploy: ## Install or upgrade the operator by its Helm chart (REGISTRY, TAG, HELM_ARGS)
	@hack/on-cluster helm upgrade --install mlendpoints $(CHART) --namespace $(NAMESPACE) --create-namespace \
	  --set images.registry=$(REGISTRY),images.tag=$(TAG) $(if $(FLUENT_BIT),--set fluentBit.image=$(REGISTRY)/fluent-bit:$(TAG)) --set-string podAnnotations.mlendpoints\\.dev/source=$(SOURCE) \
	  --wait --timeout 5m $(HELM_ARGS)

undeploy: ## Delete all endpoints, wait until they are gone, then remove the operator (the CRDs stay)
	@hack/undeploy

run: $(VENV) ## Run the operator on this machine, as its own ServiceAccount (the one in the cluster pauses)
	@$(MAKE) --no-print-directory deploy HELM_ARGS="--set replicas=0 $(HELM_ARGS)"
	@hack/on-cluster hack/run

##@ Change the source
format: $(VENV) ## Format the source and fix what ruff can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

generate: $(VENV) install.yaml ## Write the CRDs, the policy, the API reference and all manifests generated from them
install.yaml: $(VENV) ## Render the chart into deploy/install.yaml and deploy/kustomize (REGISTRY, TAG)
	@$(BIN)/python -m hack.generate
	@$(BIN)/python -m hack.render $(if $(filter file,$(origin REGISTRY)),,--registry $(REGISTRY) --tag $(TAG))

lock: $(UV) ## Resolve the dependencies (LOCK_ARGS=--upgrade for the newest)
	@hack/lock $(LOCK_ARGS)

help:
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9.-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(UV): requirements-tools.lock hack/tools
	@hack/tools
	@touch $@

$(VENV): requirements-dev.lock pyproject.toml $(UV)
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: demo test check unit apiserver e2e cluster-test sweep bench cluster-up cluster-down images push install uninstall deploy undeploy \
  run format generate install.yaml lock help
