#!/usr/bin/env bash
# What the package survives: bash bench/reliability/run.sh [--quick] [--seed N] [--only PART ...] [--write FILE]
# Prints a table, saves what fails in out/reliability, exit status 1 if anything does. Without --quick some hours.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [ -e .venv ]; then . interfaces/environment.sh; fi
export PYTHONPATH="$PWD:$PWD/nodes${PYTHONPATH:+:$PYTHONPATH}" OMP_NUM_THREADS=1
# neither hear nor disturb another ROS
export ROS_DOMAIN_ID="${ROS_DOMAIN_ID:-$((1 + $$ % 100))}" ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST
exec python bench/reliability/run.py "$@"
