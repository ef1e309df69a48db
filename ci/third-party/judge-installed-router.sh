#!/usr/bin/env bash
# Judges a router that is installed already, whatever its version, with the adapter and the known failures that ship with the kit.
# The report goes to a new folder unless --report names one.
# Usage: judge-installed-router.sh ADAPTER [verify options]
set -euo pipefail
adapter=$1
shift
cd "$(dirname "$0")/../.."
npx tsx ci/routeproof.ts verify --adapter "$adapter" --report "$(mktemp -d)" \
  --known-failing "conformance/adapters/shipped/$adapter.known-failing.json" "$@"
