#!/usr/bin/env bash
# Puts ONNX Runtime's CUDA provider beside onnxruntime-node, which comes without it, from the Python package of the same
# version; Linux on x64. With --with-cuda also CUDA 13 and cuDNN 9, for machines that have the NVIDIA driver alone.
#   scripts/install-cuda.sh [--with-cuda]
# Needs Node, npm install done before, and Python 3 with pip (to fetch; a worker runs without Python). Again after each `npm ci`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ "$(uname -sm)" = "Linux x86_64" ] || { echo "install-cuda.sh: CUDA workers run on Linux on x64, this is $(uname -sm)" >&2; exit 1; }
case "${1:-}" in "" | --with-cuda) ;; *) echo "usage: scripts/install-cuda.sh [--with-cuda]" >&2; exit 2 ;; esac
python3 -m pip --version >/dev/null || { echo "install-cuda.sh: needs Python 3 with pip" >&2; exit 1; }

package=$(dirname "$(node -p 'require.resolve("onnxruntime-node/package.json")')")
version=$(node -p 'require("onnxruntime-node/package.json").version')
beside="$package/bin/napi-v6/linux/x64"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Any Python version's wheel has the same libraries.
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
  --python-version 3.12 --implementation cp --platform manylinux_2_28_x86_64 --dest "$work" "onnxruntime-gpu==$version"
python3 - "$work"/*.whl "$beside" <<'PYTHON'
import os, sys, zipfile
wheel, beside = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in ("libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"):
        # A new file, not a written one: npm hard links packages, and a running worker has the old one mapped.
        part = os.path.join(beside, name + ".part")
        with open(part, "wb") as out:
            out.write(archive.read("onnxruntime/capi/" + name))
        os.replace(part, os.path.join(beside, name))
PYTHON
echo "the CUDA provider of ONNX Runtime $version is in $beside"

if [ "${1:-}" = --with-cuda ]; then
  # The versions that docs/gpu.md was measured with.
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --upgrade --target .tools/cuda \
    nvidia-cublas==13.1.0.3 nvidia-cuda-runtime==13.0.96 nvidia-cuda-nvrtc==13.0.88 nvidia-curand==10.4.0.35 \
    nvidia-cudnn-cu13==9.19.0.56
  folders=$(find "$PWD/.tools/cuda/nvidia" -name lib -type d | paste -sd:)
  echo "export LD_LIBRARY_PATH=$folders\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}" >.tools/cuda/environment
  echo "CUDA and cuDNN are in .tools/cuda: run 'source .tools/cuda/environment' before a worker"
fi
