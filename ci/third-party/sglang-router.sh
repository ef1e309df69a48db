#!/usr/bin/env bash
# Judges sglang-router 0.3.2 over real HTTP; about three minutes. The report goes to the folder named, or to a new one.
set -euo pipefail
exec "$(dirname "$0")/judge-pip-router.sh" sglang-router==0.3.2 sglang-router --report "${1:-$(mktemp -d)}"
