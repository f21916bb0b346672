#!/usr/bin/env bash
# Builds the conformance suite into hack/conformance/bin: "suite" is the tests of its package, unmodified, with the manifests
# embedded; "crd" is the definitions of the same version; "version" is that version. The first build takes two minutes of CPU;
# another one takes two seconds.
set -euo pipefail
cd "$(dirname "$0")"

# With these settings most of it is compiled once for this and for the test cluster.
export CGO_ENABLED=0
go test -c -trimpath -ldflags='-s -w' -o bin/suite sigs.k8s.io/gateway-api/conformance

module=$(go mod download -json sigs.k8s.io/gateway-api | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
rm -rf bin/crd
cp -r "$module/config/crd" bin/crd
chmod -R u+w bin/crd
go list -m -f '{{.Version}}' sigs.k8s.io/gateway-api/conformance >bin/version
