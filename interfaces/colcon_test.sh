#!/usr/bin/env bash
# `colcon test` as in a workspace, after `make setup`: a copy of this package is built with BUILD_TESTING, its suite runs
# there. Options of pytest in PYTEST_ADDOPTS.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv="$PWD/.venv" source="$PWD/.venv/src-test/dvae_perception"
set +u; . interfaces/environment.sh; set -u
rm -rf "$source" && mkdir -p "$source"
tar -c --exclude=./.venv --exclude=./.git --exclude=./out --exclude=./runs . | tar -x -C "$source"
places=(--base-paths "$source" --build-base "$venv/build/test" --install-base "$venv/install-test")
colcon --log-base "$venv/log" build "${places[@]}" --cmake-args -DPython3_EXECUTABLE="$venv/bin/python" -DBUILD_TESTING=ON
colcon --log-base "$venv/log" test "${places[@]}" --event-handlers console_direct+
colcon test-result --test-result-base "$venv/build/test" --verbose
