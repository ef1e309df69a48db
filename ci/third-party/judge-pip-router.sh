#!/usr/bin/env bash
# Installs a pinned router with pip into a throw-away environment and judges it as one that is installed.
# ROUTER_PYTHON is the Python to make it with, python3 unless it is set.
# Usage: judge-pip-router.sh REQUIREMENT ADAPTER [verify options]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
requirement=$1
shift
environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
python=${ROUTER_PYTHON:-python3}
"$python" -m venv "$environment" || {
  echo "$python makes no environment for the router; ROUTER_PYTHON names another Python" >&2
  exit 3
}
"$environment/bin/pip" install --quiet --disable-pip-version-check "$requirement"
PATH="$environment/bin:$PATH" "$here/judge-installed-router.sh" "$@"
