#!/usr/bin/env bash
# Judges SMG 1.13.0 over real HTTP; under four minutes, a third of them its declared settling time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/judge-pip-router.sh" smg==1.13.0 smg --report "${1:-$(mktemp -d)}" \
  --known-failing "$here/../../conformance/adapters/shipped/smg.known-failing.json"
