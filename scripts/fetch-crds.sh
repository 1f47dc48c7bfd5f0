#!/usr/bin/env bash
# Writes test/kubernetes/crds.tar.xz: the custom resources that the chart can make, taken from their projects' Go modules (all Apache-2.0).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/crds"

take() { # MODULE@VERSION FOLDER NAME...
  local from
  from=$(cd "$folder" && go mod download -json "$1" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')/$2
  shift 2
  for name in "$@"; do cp --no-preserve=mode "$from/$name.yaml" "$folder/crds/"; done
}

take github.com/kedacore/keda/v2@v2.21.0 config/crd/bases \
  keda.sh_scaledobjects keda.sh_scaledjobs keda.sh_triggerauthentications keda.sh_clustertriggerauthentications \
  eventing.keda.sh_cloudeventsources eventing.keda.sh_clustercloudeventsources
take github.com/prometheus-operator/prometheus-operator@v0.85.0 example/prometheus-operator-crd \
  monitoring.coreos.com_servicemonitors monitoring.coreos.com_podmonitors monitoring.coreos.com_prometheusrules
take github.com/cert-manager/cert-manager@v1.21.0 deploy/crds \
  cert-manager.io_certificates cert-manager.io_issuers cert-manager.io_clusterissuers
take sigs.k8s.io/lws@v0.9.0 config/crd/bases leaderworkerset.x-k8s.io_leaderworkersets

tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --directory "$folder" crds | xz -9e >"$root/test/kubernetes/crds.tar.xz"
