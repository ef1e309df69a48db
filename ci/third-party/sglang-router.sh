#!/usr/bin/env bash
# Judges sglang-router 0.3.2 over real HTTP; about three minutes. The report goes to the folder named, or to a new one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/judge-pip-router.sh" sglang-router==0.3.2 sglang-router --report "${1:-$(mktemp -d)}" \
  --known-failing "$here/../../conformance/adapters/shipped/sglang-router.known-failing.json"
