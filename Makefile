# poselab's commands. `make lab` and `make test` are all that most people need; both make
# .venv first where it is missing or where pyproject.toml or constraints.txt changed.

VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python
STAMP := $(VENV)/.poselab-installed

# The first interpreter that is new enough and can make environments; `make PYTHON=...`
# names another.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
    $$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
    >/dev/null 2>&1 && { echo $$name; break; }; done)

# A lecture does not want JupyterLab's question about news: `install` answers it with no.
# And JupyterLab must start the kernel of .venv, not one of the same name elsewhere.
export JUPYTER_PREFER_ENV_PATH := 1

LAB_FLAGS := --ServerApp.root_dir="$$PWD" \
    --LabApp.default_url=/lab/tree/notebooks/00_welcome.ipynb
ifdef PORT
LAB_FLAGS += --port=$(PORT)
endif
ifeq ($(BROWSER),no)
LAB_FLAGS += --no-browser
endif
ifeq ($(shell id -u),0)
LAB_FLAGS += --allow-root
endif

.PHONY: help install lab test test-fast test-colab test-lowest lint format notebooks \
    picture repo claims weights bench bench-explorers constraints clean distclean

# Every target says after `##` what it does; `make` alone prints that.
help:
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1|/p' $(MAKEFILE_LIST) \
	    | awk -F'|' '{ printf "  %-16s %s\n", $$1, $$2 }'

install: $(STAMP)  ## make .venv with the exact versions, or bring it up to date

$(STAMP): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then \
	    echo "poselab needs Python 3.11 or newer with its venv module, but found:"; \
	    python3 --version 2>/dev/null || echo "no python3 at all"; \
	    echo "Install one (Debian and Ubuntu: apt-get install python3-venv) or name it:"; \
	    echo "    make $(or $(MAKECMDGOALS),lab) PYTHON=/path/to/python3.12"; exit 1; fi
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV); the first time takes a few minutes."
	@$(RUN) -m pip install -q -c constraints.txt pip setuptools wheel
	@PYTHONWARNINGS=ignore $(RUN) -m pip install -q -c constraints.txt \
	    --no-build-isolation -e ".[lab,test]"
	@$(RUN) -m jupyter labextension disable --level=sys_prefix \
	    "@jupyterlab/apputils-extension:announcements" >/dev/null 2>&1 || true
	@touch $(STAMP)

lab: $(STAMP)  ## open the course in JupyterLab [PORT=8888] [BROWSER=no]
	$(RUN) -m jupyterlab $(LAB_FLAGS)

# In JOBS processes of one thread each; a file's tests stay together.
JOBS ?= 2
PYTEST := $(RUN) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

test: $(STAMP)  ## run every test [ARGS="-k people"] [JOBS=2]
	$(PYTEST) $(ARGS)

test-fast: $(STAMP)  ## run the tests that need no notebook, browser or training
	$(PYTEST) -m "not slow" $(ARGS)

test-colab: $(STAMP)  ## run the explorers with the old versions that Colab ships
	sh tests/colab/run.sh $(ARGS)

test-lowest: $(STAMP)  ## read files and measure with the lowest versions of pyproject
	sh tests/lowest/run.sh $(ARGS)

lint: $(STAMP)  ## check style, types, spelling and links
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	git ls-files -z --cached --others --exclude-standard | xargs -0 $(BIN)/codespell
	$(RUN) -m poselab.course links

format: $(STAMP)  ## bring the code into the style
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

notebooks: $(STAMP)  ## run the notebooks again, time and save them [NB="01 02"]
	$(RUN) -m poselab.course notebooks $(NB)

claims: $(STAMP)  ## print what the notebooks claim, with effect, seeds, control [NB="01 02"]
	$(RUN) -m poselab.course claims $(NB)

picture: $(STAMP)  ## draw the picture of the README again
	$(RUN) -m poselab.course picture

repo: $(STAMP)  ## make a fork your own: URL=https://github.com/you/poselab
	@$(RUN) -m poselab.course repo "$(URL)"

weights: $(STAMP)  ## train and score again what its recipe has changed
	$(RUN) -m poselab.train --all
	$(RUN) -m poselab.evaluate

bench: $(STAMP)  ## measure how fast people are drawn
	$(RUN) -m poselab.bench render

bench-explorers: $(STAMP)  ## measure how fast all explorers answer in a browser
	$(RUN) tests/browser/explorers.py

# Writes down what .venv holds now. Only for whoever raises a version, followed by
# `make test`.
constraints: $(STAMP)  ## write down the exact versions that .venv holds
	@head -2 constraints.txt > constraints.new
	@$(RUN) -m pip freeze --all --exclude-editable --exclude poselab \
	    | sed 's/+cpu$$//' | sort -f >> constraints.new
	@mv constraints.new constraints.txt

clean:  ## remove what was made
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -path ./$(VENV) -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) \
	    -type d -prune -exec rm -rf {} +

distclean: clean  ## remove what was made, and .venv
	rm -rf $(VENV) .venv-colab .venv-lowest
