#!/usr/bin/env bash
# Judges the nginx that is installed, as a load balancer that knows no prefixes, over real HTTP; a minute and a half. Options are those of verify.
set -euo pipefail
exec "$(dirname "$0")/judge-installed-router.sh" nginx "$@"
