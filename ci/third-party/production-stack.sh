#!/usr/bin/env bash
# Judges production-stack's router, commit a6c01db0, over real HTTP; some thirteen minutes, as it looks at its file of pods every
# ten seconds. It is on no registry: pip takes it from its repository, or from the folder of a copy that PRODUCTION_STACK names.
# Options are those of verify.
set -euo pipefail
commit=a6c01db05f65f556235413ba8dbcfb0c01132fff
export ROUTER_PYTHON=${ROUTER_PYTHON:-python3.12} SETUPTOOLS_SCM_PRETEND_VERSION=0+${commit:0:8}
exec "$(dirname "$0")/judge-pip-router.sh" \
  "${PRODUCTION_STACK:-vllm-router @ git+https://github.com/vllm-project/production-stack@$commit}" production-stack "$@"
