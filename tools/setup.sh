#!/bin/sh
# usage: tools/setup.sh PURPOSE...    purposes: build run test lint train
# Installs the Debian packages that are missing; without the right to do so, says which they are.
set -eu
here=$(dirname "$0")
missing=
for purpose in "$@"; do
  for package in $(awk -v p="$purpose" '$1 == p { print $2 }' "$here/packages.txt"); do
    if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed'; then
      missing="$missing $package"
    fi
  done
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
  as_root=sudo
else
  echo "Missing Debian packages; run: sudo apt-get install$missing" >&2
  exit 4
fi
echo "Installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
