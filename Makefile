# Every target sets up its own .venv first; nothing needs to be installed by hand but Python >= 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
USE := $(VENV)/.use
DEVELOP := $(VENV)/.develop
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO_OUT ?= demo-out

.PHONY: setup develop demo test check lint types imports format slow counts docs memory clean

setup: $(USE)
develop: $(DEVELOP)

$(USE): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "convatlas needs Python >= 3.11: make PYTHON=/path/to/python3.11 ..."; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	$(PIP) 'torch==2.13.0'
	$(PIP) --editable '.[all]'
	touch $@

# The peers are pinned without what they depend on: their torchvision would replace torch's build.
$(DEVELOP): $(USE)
	@echo "installing what tests and checks need ..."
	$(PIP) --editable '.[dev]'
	$(PIP) --no-deps torchvision==0.28.0 timm==1.0.31 pytorchcv==0.0.74
	touch $@

demo: setup
	$(BIN)/convatlas choose digits --latency 2ms --size 200kB --minutes 3 --out $(DEMO_OUT)

test: develop
	$(BIN)/python -m pytest -n 2

check: lint types imports test

lint: develop
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: develop
	$(BIN)/mypy

imports: develop
	$(BIN)/lint-imports

format: develop
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

slow: develop
	$(BIN)/python -m pytest -n 2 -m 'slow or train'

# What is generated from the zoo: the listing of `convatlas models`, and docs/zoo.md.
counts: setup
	$(BIN)/python benchmarks/counts.py

docs: counts
	$(BIN)/python benchmarks/zoo_page.py
	$(BIN)/python benchmarks/recipes_page.py

# Predicted memory beside what torch's allocator reports.
memory: setup
	$(BIN)/python benchmarks/inference_memory.py --page docs/inference_memory.md

clean:
	rm -rf $(VENV) $(DEMO_OUT) build dist .mypy_cache .ruff_cache .pytest_cache
