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

.PHONY: help install lab test test-colab lint notebooks picture repo bench \
    bench-explorers constraints clean distclean

help:
	@echo "make lab [PORT=8888] [BROWSER=no]   open the course in JupyterLab"
	@echo "make test [ARGS='-k people']        run every test"
	@echo "make test-colab                     the explorers with Colab's old versions"
	@echo "make lint                           check the style"
	@echo "make notebooks [NB=01]              run the notebooks again and save them"
	@echo "make picture                        draw the picture of the README again"
	@echo "make repo URL=https://github.com/you/poselab    make a fork your own"
	@echo "make bench                          how fast people are drawn"
	@echo "make bench-explorers                how fast an explorer answers in a browser"
	@echo "make clean, make distclean          remove what was made (and .venv)"

install: $(STAMP)

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

lab: $(STAMP)
	$(RUN) -m jupyterlab $(LAB_FLAGS)

test: $(STAMP)
	$(RUN) -m pytest $(ARGS)

test-colab: $(STAMP)
	sh tests/colab/run.sh $(ARGS)

lint: $(STAMP)
	$(RUN) -m ruff check .

notebooks: $(STAMP)
	$(RUN) -m poselab.course notebooks $(NB)

picture: $(STAMP)
	$(RUN) -m poselab.course picture

repo: $(STAMP)
	@$(RUN) -m poselab.course repo "$(URL)"

bench: $(STAMP)
	$(RUN) -m poselab.bench render

bench-explorers: $(STAMP)
	$(RUN) tests/browser/latency.py

# Writes down what .venv holds now. Only for whoever raises a version, followed by
# `make test`.
constraints: $(STAMP)
	@head -2 constraints.txt > constraints.new
	@$(RUN) -m pip freeze --all --exclude-editable --exclude poselab \
	    | sed 's/+cpu$$//' | sort -f >> constraints.new
	@mv constraints.new constraints.txt

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -path ./$(VENV) -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) \
	    -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) .venv-colab
