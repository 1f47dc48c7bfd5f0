#!/usr/bin/env bash
# A clone of HEAD, installed and built with the plain npm commands, has a working `cogfleet`.
set -euo pipefail
root=$(git rev-parse --show-toplevel)
clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT
git clone --quiet --no-local "$root" "$clone/cogfleet"
cd "$clone/cogfleet"
npm ci --no-audit --no-fund
npm run --silent build
npx --no-install cogfleet --help
test -z "$(git status --porcelain)" || { echo "installing or building changed tracked files:"; git status --short; exit 1; }
