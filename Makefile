# Two commands on a fresh machine: `make demo` and `make test`. Python 3.10 to 3.12 and make are all they need.
VENV ?= .venv
BIN := $(VENV)/bin
USABLE := import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.10 python3 python; do \
	$$p -c "$(USABLE)" >/dev/null 2>&1 && echo $$p && break; done)
# pyworld and pesq have no wheels: without a C++ compiler and Python's headers their tests are skipped
COMPILES := import os, shutil, sys, sysconfig as s; \
	sys.exit(not (shutil.which("c++") and os.path.exists(s.get_paths()["include"] + "/Python.h")))
EXTRAS ?= armory,cluster,demo,dev,diffusion,video$(shell $(PYTHON) -c '$(COMPILES)' 2>/dev/null && echo ,quality,voice)
comma := ,
STAMP := $(VENV)/.installed-$(subst $(comma),-,$(EXTRAS))

.PHONY: setup demo test lint format clean

setup: $(STAMP)

$(STAMP): setup.py pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "No Python 3.10, 3.11 or 3.12 found: install one, or say PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/pip || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@echo "Installing into $(VENV) (3 to 6 minutes and 8 GB the first time)"
	$(BIN)/python -m pip install --quiet --upgrade pip # an old resolver tries for many minutes on Python 3.10
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[$(EXTRAS)]"
	$(BIN)/python -m pip check
	@touch $@

demo: setup
	$(BIN)/art-audio demo --out out/demo

test: setup lint
	# two processes of one thread each: threads that wait for each other on a busy machine are many times slower
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --nbmake --nbmake-timeout=600 notebooks

lint: setup
	$(BIN)/black --check --quiet art_audio_ext tests benchmarks setup.py
	$(BIN)/ruff check art_audio_ext tests benchmarks notebooks setup.py
	$(BIN)/mypy
	$(BIN)/nbstripout --verify notebooks/*.ipynb

format: setup
	$(BIN)/black --quiet art_audio_ext tests benchmarks setup.py
	$(BIN)/ruff check --fix art_audio_ext tests benchmarks notebooks setup.py

clean:
	rm -rf $(VENV) out build *.egg-info
