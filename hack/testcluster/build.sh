#!/bin/sh
# Builds kube-apiserver, kube-controller-manager and etcd into hack/testcluster/bin, from Go modules alone.
# The first build takes some ten minutes on two cores; afterwards nothing is done until go.mod, go.sum or this file change.
set -eu
cd "$(dirname "$0")"

version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${version#v1.}
minor=${minor%%.*}
stamp="$version $(go env GOVERSION GOOS GOARCH | tr '\n' ' ')$(cat go.mod go.sum build.sh etcd/main.go | sha256sum | cut -d' ' -f1)"

if [ "$(cat bin/.stamp 2>/dev/null)" = "$stamp" ] &&
	[ -x bin/kube-apiserver ] && [ -x bin/kube-controller-manager ] && [ -x bin/etcd ]; then
	echo "test cluster: bin/ is up to date (Kubernetes $version)"
	exit 0
fi

mkdir -p bin
rm -f bin/.stamp
# Without a version the API server calls itself v0.0.0-master+$Format, which clients cannot parse.
flags="-s -w -X k8s.io/component-base/version.gitVersion=$version
	-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$minor"
for package in ./etcd k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kube-apiserver; do
	echo "test cluster: building ${package##*/} (Kubernetes $version)"
	go build -trimpath -ldflags="$flags" -o bin/ "$package"
done
echo "$stamp" >bin/.stamp
echo "test cluster: built"
