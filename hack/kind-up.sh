#!/usr/bin/env bash
# Creates a kind cluster and installs Mizzen, built from this source, in it: hack/kind-up.sh [dev|production]. It
# needs kind, kubectl, Go, a JDK 17, Maven, make and Docker (or another provider of kind); production also needs openssl. A second run
# updates the cluster. KIND_CLUSTER names the cluster (mizzen), KIND_IMAGE its node image; injection needs Kubernetes
# 1.36 or later.
set -euo pipefail
usage() { sed -n '2,/^[^#]/s/^# //p' "$0"; }
case ${1:-dev} in
dev | production) ;;
-h | --help) usage; exit ;;
*) echo "kind-up: there is no overlay $1: it is dev or production" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
overlay=${1:-dev} cluster=${KIND_CLUSTER:-mizzen}
k() { kubectl --context "kind-$cluster" "$@"; }
say() { printf '\n== %s\n' "$*"; }

for tool in kind kubectl go mvn make; do
	command -v "$tool" >/dev/null || { echo "kind-up: $tool is needed" >&2; exit 1; }
done

if ! grep -qx "$cluster" <<<"$(kind get clusters 2>/dev/null)"; then
	say "create the cluster $cluster: two zones"
	kind create cluster --name "$cluster" ${KIND_IMAGE:+--image "$KIND_IMAGE"} --config - <<'END'
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
- role: control-plane
- role: worker
  labels: {topology.kubernetes.io/region: here, topology.kubernetes.io/zone: a}
- role: worker
  labels: {topology.kubernetes.io/region: here, topology.kubernetes.io/zone: b}
END
fi
if ! k get --raw /apis/admissionregistration.k8s.io/v1 | grep -q mutatingadmissionpolicies; then
	echo "kind-up: this Kubernetes is older than 1.36 and cannot inject: name a newer node image with KIND_IMAGE" >&2
	exit 1
fi

say "build the image and load it"
make image PLATFORMS="linux/$(go env GOARCH)"
kind load image-archive bin/image/controlplane.tar --name "$cluster"

say "install Mizzen ($overlay)"
make crds
k apply --server-side -f bin/crds.yaml
k apply -f manifests/base/namespace.yaml
if [[ $overlay == production ]]; then
	hack/certificates.sh bin/certificates
	k -n mizzen-system create secret tls mizzen-tls --cert=bin/certificates/tls.crt --key=bin/certificates/tls.key \
		--dry-run=client -o yaml | k apply -f -
fi
k apply -k "manifests/overlays/$overlay"
if [[ $overlay == production ]]; then
	k -n mizzen-system patch configmap mizzen-injection --type=merge \
		--patch "$(k -n mizzen-system create configmap mizzen-injection --from-file=bin/certificates/ca.crt --dry-run=client -o json)"
fi
# The image has the same name each time.
k -n mizzen-system rollout restart deployment/mizzen
k -n mizzen-system rollout status deployment/mizzen --timeout=180s
say "done: hack/kind-demo.sh installs an application, hack/kind-down.sh removes the cluster"
