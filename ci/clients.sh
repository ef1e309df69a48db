#!/usr/bin/env bash
# Runs load generators that other people wrote, unmodified, against a fleet, and compares what they print with the fleet's
# own journal. Needs Node, npm, 8 GB of disk for a while, and Python 3.12 or 3.13: PYTHON=/path/to/python names one that is
# not on PATH. The network is used for package registries alone; traffic stays on loopback.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

environments=$(mktemp -d "${TMPDIR:-/tmp}/routeproof-clients.XXXXXX")
trap 'rm -rf "$environments"' EXIT

# fitting_python: the first that is new enough for inference-perf and old enough for aiperf.
fitting_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.12 python3.13 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[23].*/bin/python3; do
    if [ -n "$candidate" ] && "$candidate" -c 'import sys, venv; sys.exit(not (3, 12) <= sys.version_info < (3, 14))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  echo "clients: no Python 3.12 or 3.13 with venv; install one and name it by PYTHON" >&2
  return 1
}

# install REQUIREMENT: into an environment of its own, named after the package.
install() {
  local environment=$environments/${1%%==*}
  "$python" -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check --no-compile "$1"
}

python=$(fitting_python)
[ -d node_modules ] || npm ci
pids=()
for requirement in guidellm==0.8.1 inference-perf==0.7.0 aiperf==0.13.0; do
  install "$requirement" &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
# npx finds the Node that the package brings.
npx node ci/clients/compare.ts "$environments"
