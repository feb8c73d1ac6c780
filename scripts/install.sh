#!/bin/sh
# Installs what the project needs into node_modules. `runtime`: what runs it; `all`: what tests it as well.
set -eu
cd "$(dirname "$0")/.."
what=${1:-all}
# What tests need stays where it has been installed once.
[ "$(cat node_modules/.tulle-installed 2>/dev/null)" = all ] && what=all
if ! command -v npm >/dev/null 2>&1; then
  echo "tulle needs Node 20 or newer with npm: install it from your system's packages and try again" >&2
  exit 1
fi
echo "tulle: installing ($what), once" >&2
omit=
[ "$what" = runtime ] && omit=--omit=dev
# Not `npm ci`: it insists on packages for other platforms, which a registry may not carry. Versions are those of the lock file.
log=$(mktemp)
if ! npm install --no-save $omit --no-audit --no-fund --loglevel=error >"$log" 2>&1; then
  cat "$log" >&2
  rm -f "$log"
  echo "tulle: npm install failed (above)" >&2
  exit 1
fi
rm -f "$log"
# Where npm does not run install scripts, Bun's binary is not in its place yet.
node node_modules/bun/install.js >/dev/null 2>&1 || true
if ! node_modules/bun/bin/bun.exe --version >/dev/null 2>&1; then
  echo "tulle: Bun does not run on this machine ($(uname -sm))" >&2
  exit 1
fi
node_modules/bun/bin/bun.exe scripts/build-proxy.ts
echo "$what" >node_modules/.tulle-installed
