#!/usr/bin/env bash
# Judges a router that is installed already, whatever its version, with the adapter and the known failures that ship with the kit.
# Usage: judge-installed-router.sh ADAPTER [report folder]
set -euo pipefail
cd "$(dirname "$0")/../.."
npx tsx ci/routeproof.ts verify --adapter "$1" --report "${2:-$(mktemp -d)}" \
  --known-failing "conformance/adapters/shipped/$1.known-failing.json"
