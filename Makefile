# Thin over packaging/bootstrap.py, which Windows calls directly. ARGS passes arguments on: make test ARGS="-k cursor -x".
PYTHON ?= python3
BOOTSTRAP = $(PYTHON) packaging/bootstrap.py
ARGS ?=
MINUTES ?= 10

.PHONY: help run test test-slow test-gpu attack lint fix bench samples package release setup clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## set up, then open the window on the sample run (without a display: replay, report and pictures in out/)
	@$(BOOTSTRAP) run $(ARGS)

test: ## set up, then the test suite
	@$(BOOTSTRAP) test $(ARGS)

test-slow: ## the tests that take minutes
	@$(BOOTSTRAP) test -m "slow and not gpu" $(ARGS)

test-gpu: ## the tests that need a CUDA device
	@$(BOOTSTRAP) test -m gpu $(ARGS)

attack: ## damaged files, mutants, kill -9, full disks for MINUTES (10), with other seeds every time; prints what was tried
	@$(BOOTSTRAP) attack --minutes $(MINUTES) $(ARGS)

lint: ## ruff, mypy, import-linter
	@$(BOOTSTRAP) lint $(ARGS)

fix: ## let ruff mend and format
	@$(BOOTSTRAP) lint --fix

bench: ## measurements
	@$(BOOTSTRAP) bench $(ARGS)

samples: ## make the sample sessions and the recorded run again
	@$(BOOTSTRAP) samples $(ARGS)

package: ## the application for this platform in dist/, with its archive, tried (builds llama.cpp for any processor, once)
	@$(BOOTSTRAP) package $(ARGS)

release: ## application, wheel and sdist in dist/, tried, with checksums and notes
	@$(BOOTSTRAP) release $(ARGS)

setup: ## only set up (.venv, embedding model), with the tools for tests and lint
	@$(BOOTSTRAP) setup --dev $(ARGS)

clean: ## remove what running and testing leaves; .venv and models stay
	@rm -rf out build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache *.egg-info
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
