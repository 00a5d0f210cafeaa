# Set-up, demo and tests; needs only Python 3.10-3.13 and make.
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python

.PHONY: setup crf demo test

setup: $(VENV)/installed

$(VENV)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade pip
	$(RUN) -m pip install --quiet --editable ".[test]"
	touch $@

# The compiled dense CRF (optional: needs a C++ compiler; the project's own gives the same masks).
crf: setup
	$(RUN) -m pip install --quiet --editable ".[crf]"

demo: setup
	$(RUN) scripts/run.py --flagfile=flags/demo/cam.cfg
	$(RUN) scripts/run.py --flagfile=flags/demo/saliency.cfg
	$(RUN) scripts/run.py --flagfile=flags/demo/attention.cfg
	$(RUN) scripts/run.py --flagfile=flags/demo/growing.cfg
	$(RUN) scripts/compare.py demo_cam demo_saliency demo_attention demo_growing --brief

test: setup
	$(RUN) -m pytest --numprocesses=auto --dist=loadfile
