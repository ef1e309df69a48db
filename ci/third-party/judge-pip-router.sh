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
"${ROUTER_PYTHON:-python3}" -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check "$requirement"
export PATH="$environment/bin:$PATH"
cd "$root"
npx tsx ci/routeproof.ts verify --adapter "$adapter" "$@"
