#!/usr/bin/env bash
# Judges sglang-router 0.3.2 over real HTTP; about three minutes. Options are those of verify.
set -euo pipefail
exec "$(dirname "$0")/judge-pip-router.sh" sglang-router==0.3.2 sglang-router "$@"
