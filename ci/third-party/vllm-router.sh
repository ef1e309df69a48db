#!/usr/bin/env bash
# Judges vLLM's own router, 0.1.17, over real HTTP; about three minutes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/judge-pip-router.sh" vllm-router==0.1.17 vllm-router --report "${1:-$(mktemp -d)}" \
  --known-failing "$here/../../conformance/adapters/shipped/vllm-router.known-failing.json"
