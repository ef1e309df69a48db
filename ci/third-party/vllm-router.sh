#!/usr/bin/env bash
# Judges vLLM's own router, 0.1.17, over real HTTP; about three minutes. Options are those of verify.
set -euo pipefail
exec "$(dirname "$0")/judge-pip-router.sh" vllm-router==0.1.17 vllm-router "$@"
