# `make demo` and `make test` do all their own set-up, from any folder: make -C path/to/dvae_perception demo
SHELL := /bin/bash
ENV := . interfaces/environment.sh &&

.PHONY: demo test colcon-test lint setup bench bench-tracking reference clean

demo: setup
	@$(ENV) python bench/demo/run_demo.py --output out/demo

test: setup
	@$(ENV) python -m pytest

colcon-test: setup
	@bash interfaces/colcon_test.sh

lint: setup
	@$(ENV) ruff check . && ruff format --check . && mypy

setup:
	@bash interfaces/setup.sh

bench: setup
	@$(ENV) python bench/tracking/speed.py && python bench/enhancement/speed.py && python bench/models/speed.py

reference: setup
	@$(ENV) python -m pdoc -d google -o out/reference dvae && echo "out/reference/index.html"

bench-tracking:
	@bash bench/tracking/run.sh

clean:
	rm -rf .venv .venv-bench* build install log out
