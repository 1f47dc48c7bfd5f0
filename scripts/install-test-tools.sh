#!/usr/bin/env bash
# Installs what the tests in *.server.test.ts need: ffmpeg, chromium, Prometheus with promtool and Alertmanager, nats-server 2.9 and strace
# (Debian), nats-server 2.15, grpcurl, a Python gRPC client.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools="$root/.tools"
mkdir -p "$tools/bin"

missing=()
command -v ffmpeg >/dev/null || missing+=(ffmpeg)
command -v chromium >/dev/null || missing+=(chromium)
command -v nats-server >/dev/null || [ -x /usr/sbin/nats-server ] || missing+=(nats-server)
command -v strace >/dev/null || missing+=(strace)
command -v promtool >/dev/null || missing+=(prometheus)
command -v prometheus-alertmanager >/dev/null || missing+=(prometheus-alertmanager)
command -v curl >/dev/null || missing+=(curl)
if [ ${#missing[@]} -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "please install: ${missing[*]}" >&2
    exit 1
  fi
  sudo=$([ "$(id -u)" = 0 ] || echo sudo)
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

grpcurl="${COGFLEET_TOOLS_DIR:-$tools/bin}/grpcurl"
if [ ! -x "$grpcurl" ] && ! command -v grpcurl >/dev/null; then
  command -v go >/dev/null || { echo "grpcurl is missing, and so is Go to build it: https://github.com/fullstorydev/grpcurl" >&2; exit 1; }
  GOBIN="$tools/bin" go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4
fi

# Debian's nats-server is the oldest one that must do; this one is the newest.
if [ ! -x "${COGFLEET_TOOLS_DIR:-$tools/bin}/nats-server" ]; then
  command -v go >/dev/null || { echo "nats-server 2.15 is missing, and so is Go to build it: https://github.com/nats-io/nats-server" >&2; exit 1; }
  GOBIN="$tools/bin" go install github.com/nats-io/nats-server/v2@v2.15.2
fi

if [ ! -x "$tools/python/bin/python" ]; then
  python3 -m venv "$tools/python"
  "$tools/python/bin/pip" install --quiet --disable-pip-version-check grpcio==1.76.0 grpcio-tools==1.76.0 protobuf==6.33.0
fi
