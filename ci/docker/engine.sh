#!/usr/bin/env bash
# engine.sh start DIR: a Docker engine with socket, images and logs under DIR, unless one already answers.
# engine.sh stop DIR:  ends the engine started there, and all its containers.
set -euo pipefail
action=$1 dir=$2

start() {
  if docker version >/dev/null 2>&1; then
    echo "an engine already answers: $(docker version --format '{{.Server.Version}}')"
    return
  fi
  if ! command -v dockerd >/dev/null || ! command -v iptables >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io iptables >/dev/null
  fi
  mkdir -p "$dir"
  setsid dockerd --host "unix://$dir/docker.sock" --pidfile "$dir/docker.pid" --data-root "$dir/data" \
    --exec-root "$dir/exec" >"$dir/dockerd.log" 2>&1 </dev/null &
  for _ in $(seq 120); do
    if docker --host "unix://$dir/docker.sock" version >/dev/null 2>&1; then
      echo "an engine is up at $dir/docker.sock"
      return
    fi
    sleep 0.25
  done
  echo "no Docker engine after 30 s; its log ends:" >&2
  tail -5 "$dir/dockerd.log" >&2
  return 1
}

stop() {
  [ -f "$dir/docker.pid" ] || return 0
  local pid containers
  pid=$(cat "$dir/docker.pid")
  containers=$(docker --host "unix://$dir/docker.sock" ps --quiet --all 2>/dev/null || true)
  # shellcheck disable=SC2086  # One argument per container.
  [ -z "$containers" ] || docker --host "unix://$dir/docker.sock" rm --force $containers >/dev/null
  end "$pid"
  # The engine leaves the network of a host-mode container mounted, which keeps its folder from being removed.
  awk -v dir="$dir/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount --lazy
}

# end PID: asks it to, and makes it after 20 s.
end() {
  kill "$1" 2>/dev/null || return 0
  for _ in $(seq 80); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.25
  done
  kill -9 "$1"
}

"$action"
