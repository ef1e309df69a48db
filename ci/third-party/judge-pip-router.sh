#!/usr/bin/env bash
# Installs a pinned router with pip into a throw-away environment and judges it with the adapter that ships with the kit.
# ROUTER_PYTHON is the Python to make it with, python3 unless it is set.
# Usage: judge-pip-router.sh REQUIREMENT ADAPTER [verify options]
set -euo pipefail
requirement=$1 adapter=$2
shift 2
root=$(cd "$(dirname "$0")/../.." && pwd)
environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
python=${ROUTER_PYTHON:-python3}
"$python" -m venv "$environment" || {
  echo "$python makes no environment for the router; ROUTER_PYTHON names another Python" >&2
  exit 3
}
"$environment/bin/pip" install --quiet --disable-pip-version-check "$requirement"
export PATH="$environment/bin:$PATH"
cd "$root"
npx tsx ci/routeproof.ts verify --adapter "$adapter" "$@"
