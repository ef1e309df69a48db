#!/usr/bin/env bash
# The proxy benchmark with sglang-router beside ours, in the same run on the same machine. Needs python3 with venv.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet "sglang-router==0.3.2"
SGLANG_ROUTER="$venv/bin/sglang-router" npm run bench -- router
