#!/usr/bin/env bash
# Builds what the test clusters consist of into hack/testcluster/bin, from Go modules alone: Kubernetes, etcd, CoreDNS, two
# programs of ours, and Helm, which installs Mizzen there. The first build takes about eight minutes on two cores. Afterwards Kubernetes is linked again only when its
# version, this file or Go change.
set -euo pipefail
cd "$(dirname "$0")"

# Static binaries need no C compiler, and what they have in common with those in images is compiled once.
export CGO_ENABLED=0

version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${version#v1.}
stamp="$version $(go env GOVERSION GOOS GOARCH | xargs) $(cat go.mod go.sum build.sh etcd/main.go coredns/main.go | sha256sum | cut -d' ' -f1)"
kubernetes=(kubelet kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubectl)

# These two are small, and made in a second if nothing has changed.
go build -trimpath -ldflags='-s -w' -o bin/ ./pause
go -C ../image build -trimpath -ldflags='-s -w' -o "$PWD/bin/" .
# As `make test` builds the tests of the chart, so that most of it is compiled once.
env -u CGO_ENABLED go -C ../chart build -o "$PWD/bin/" helm.sh/helm/v4/cmd/helm

fresh() {
	local name
	for name in etcd coredns "${kubernetes[@]}"; do [[ -x bin/$name ]] || return; done
	[[ $(cat bin/.stamp 2>/dev/null) = "$stamp" ]]
}
if fresh; then
	echo "test cluster: bin/ is up to date (Kubernetes $version)"
	exit 0
fi

rm -f bin/.stamp
# Without a version the API server calls itself v0.0.0-master+$Format, which clients cannot parse.
k8s=k8s.io/component-base/version
flags="-s -w -X $k8s.gitVersion=$version -X $k8s.gitMajor=1 -X $k8s.gitMinor=${minor%%.*}"
for package in ./etcd ./coredns "${kubernetes[@]/#/k8s.io/kubernetes/cmd/}"; do
	echo "test cluster: building ${package##*/} (Kubernetes $version)"
	go build -trimpath -ldflags="$flags" -o bin/ "$package"
done
echo "$stamp" >bin/.stamp
echo "test cluster: built"
