#!/usr/bin/env bash
# base-image.sh [NAME]: makes an image called node:24-slim for a machine that can pull none. Node comes from this
# project's own `node` dependency, the shell, a few tools and every shared library from the machine; it holds no npm.
# An image of that name that is already there is used as it is.
set -euo pipefail
name=${1:-node:24-slim}
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
if docker image inspect "$name" >/dev/null 2>&1; then
  echo "$name is already there"
  exit
fi
if docker pull --quiet "$name" 2>/dev/null; then
  exit
fi

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# place FILE [AS]: copies a program and each library it loads to the same place under the root.
place() {
  local file
  install -D -m 755 "$1" "$root${2:-$1}"
  for file in $(ldd "$1" | grep -o '/[^ ]*'); do
    [ -e "$root$file" ] || install -D -m 755 "$file" "$root$file"
  done
}

place "$project/node_modules/node/bin/node" /usr/local/bin/node
place /bin/dash /bin/sh
for tool in /bin/cp /bin/mkdir /bin/cat /bin/ls /bin/chmod /bin/chown /usr/bin/env /usr/bin/id; do place "$tool"; done
mkdir -p "$root/etc" "$root/home/node"
install -d -m 1777 "$root/tmp"
printf 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nnode:x:1000:\n' >"$root/etc/group"
tar -C "$root" -c . | docker import --change 'CMD ["node"]' \
  --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$name" >/dev/null
echo "made $name from Node $("$root/usr/local/bin/node" --version)"
