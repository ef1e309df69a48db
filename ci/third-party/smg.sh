#!/usr/bin/env bash
# Judges SMG 1.13.0 over real HTTP; five minutes, most of them its declared settling time. Options are those of verify.
set -euo pipefail
exec "$(dirname "$0")/judge-pip-router.sh" smg==1.13.0 smg "$@"
