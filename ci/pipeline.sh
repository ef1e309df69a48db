#!/usr/bin/env bash
# What must hold before a change lands, in the order a person would try it. Needs Node, npm and root on a Debian machine;
# brings its own Docker engine if none answers, and stops it. The last line is the count.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

passed=0 failed=0
workDir=$(mktemp -d "${TMPDIR:-/tmp}/routeproof-ci.XXXXXX")
trap 'ci/docker/engine.sh stop "$workDir/docker"; rm -rf "$workDir"' EXIT

# step NAME COMMAND...: runs it, prints how long it took, counts it.
step() {
  local name=$1 startS=$SECONDS
  shift
  printf '\n=== %s\n' "$name"
  if "$@"; then
    passed=$((passed + 1))
    printf -- '--- ok: %s (%d s)\n' "$name" $((SECONDS - startS))
  else
    failed=$((failed + 1))
    printf -- '--- FAILED: %s (%d s)\n' "$name" $((SECONDS - startS))
    return 1
  fi
}

# finish: the closing line that a pipeline reads, and the exit code.
finish() {
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ]
  exit
}

# suite: the tests, each one counted. With Docker required, a container test may not skip itself.
suite() {
  ROUTEPROOF_REQUIRE_DOCKER=1 npx vitest run --reporter=default --reporter=json --outputFile.json="$workDir/tests.json"
  local exitCode=$?
  read -r testsPassed testsFailed < <(node -e '
    const { numPassedTests, numFailedTests } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    console.log(numPassedTests, numFailedTests)' "$workDir/tests.json")
  passed=$((passed + ${testsPassed:-0}))
  failed=$((failed + ${testsFailed:-0}))
  return "$exitCode"
}

step "install" npm ci || finish
step "types, lint, format, unused code" npm run check
step "docker engine" ci/docker/engine.sh start "$workDir/docker"
[ -S "$workDir/docker/docker.sock" ] && export DOCKER_HOST="unix://$workDir/docker/docker.sock"
# The engine is the classic one, its reaper image cannot be pulled, and a pipeline that itself lives in a container must
# still look for published ports on its own loopback.
export DOCKER_BUILDKIT=0 TESTCONTAINERS_RYUK_DISABLED=true TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1
step "base image" ci/docker/base-image.sh
step "build" npm run build
step "tests" suite
step "demo" npm run demo
finish
