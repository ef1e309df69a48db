#!/usr/bin/env bash
# Judges the HAProxy that is installed, as a load balancer that knows no prefixes, over real HTTP; three minutes, as each change of its pods is a new process. Options are those of verify.
set -euo pipefail
exec "$(dirname "$0")/judge-installed-router.sh" haproxy "$@"
