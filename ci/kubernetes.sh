#!/usr/bin/env bash
# The router's discovery against a real Kubernetes API server, with the controller that writes EndpointSlices. Builds both
# from their Go module (a quarter of an hour the first time; Go's cache has them after that) or takes the folder that
# KUBERNETES_BIN names, fetches Debian's etcd without installing it, and ends all of them. Needs Go 1.26, openssl, and
# apt-get or etcd on PATH. Nothing listens but on loopback.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
minor=36.3

work=$(mktemp -d "${TMPDIR:-/tmp}/routeproof-kubernetes.XXXXXX")
started=()
# Without its etcd the server would linger, and nothing of it is to be kept.
trap 'kill -9 "${started[@]}" 2>/dev/null || true; wait 2>/dev/null; rm -rf "$work"' EXIT

# build: the staging modules have no version of their own in Kubernetes' go.mod; each is taken at the release's.
build() {
  local module
  mkdir "$work/module" "$work/bin"
  cd "$work/module"
  go mod init build
  local manifest
  manifest=$(go mod download -json "k8s.io/kubernetes@v1.$minor" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
  go mod edit -require="k8s.io/kubernetes@v1.$minor"
  for module in $(sed -n 's/^\t\(k8s.io\/[a-z-]*\) => .\/staging.*/\1/p' "$manifest"); do
    go mod edit -replace="$module=$module@v0.$minor"
  done
  CGO_ENABLED=0 go build -mod=mod -o "$work/bin" k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager
  cd - >/dev/null
}

# in_background NAME COMMAND...: its last words are shown if the test fails.
in_background() {
  local name=$1
  shift
  "$@" >"$work/$name.log" 2>&1 &
  started+=($!)
}

# until_true COMMAND...: for at most a minute.
until_true() {
  for _ in $(seq 120); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.5
  done
  echo "kubernetes: not within a minute: $*" >&2
  tail -n 20 "$work"/*.log >&2
  return 1
}

free_port() { npx node -e 'require("node:net").createServer().listen(0, "127.0.0.1", function () { console.log(this.address().port); this.close(); })'; }

bin=${KUBERNETES_BIN:-$work/bin}
[ -n "${KUBERNETES_BIN:-}" ] || build
etcd=$(command -v etcd || true)
if [ -z "$etcd" ]; then
  (cd "$work" && apt-get download --quiet etcd-server >/dev/null && dpkg -x etcd-server_*.deb etcd-package)
  etcd=$work/etcd-package/usr/bin/etcd
fi

client=http://127.0.0.1:$(free_port) peer=http://127.0.0.1:$(free_port) port=$(free_port)
in_background etcd "$etcd" --data-dir "$work/data" --listen-client-urls "$client" --advertise-client-urls "$client" \
  --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer"
openssl genrsa -out "$work/accounts.key" 2048 2>/dev/null
echo "secret,admin,1,system:masters" >"$work/tokens.csv"
in_background apiserver "$bin/kube-apiserver" --etcd-servers "$client" --bind-address 127.0.0.1 --secure-port "$port" \
  --advertise-address 127.0.0.1 --endpoint-reconciler-type none --cert-dir "$work/certificates" --token-auth-file "$work/tokens.csv" \
  --service-cluster-ip-range 10.0.0.0/24 --service-account-issuer https://kubernetes --disable-admission-plugins ServiceAccount \
  --service-account-key-file "$work/accounts.key" --service-account-signing-key-file "$work/accounts.key"
cat >"$work/kubeconfig" <<END
{ "apiVersion": "v1", "kind": "Config", "current-context": "local",
  "clusters": [{ "name": "local", "cluster": { "server": "https://127.0.0.1:$port", "insecure-skip-tls-verify": true } }],
  "users": [{ "name": "admin", "user": { "token": "secret" } }],
  "contexts": [{ "name": "local", "context": { "cluster": "local", "user": "admin" } }] }
END
until_true curl --silent --fail --insecure --noproxy '*' -H 'Authorization: Bearer secret' "https://127.0.0.1:$port/readyz"
in_background controllers "$bin/kube-controller-manager" --kubeconfig "$work/kubeconfig" --secure-port 0 --leader-elect=false \
  --controllers=endpointslice-controller

[ -d node_modules ] || npm ci
ROUTEPROOF_KUBECONFIG=$work/kubeconfig npx vitest run --project cluster
