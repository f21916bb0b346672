#!/usr/bin/env bash
# Installs the example application in the cluster of hack/kind-up.sh, and checks that its clients, in Go and in
# Python, apply a rule: hack/kind-demo.sh. The exit code is 0 if they do. It also needs Docker, for the image with
# Python.
set -euo pipefail
usage() { sed -n '2,/^[^#]/s/^# //p' "$0"; }
case ${1-} in
'') ;;
-h | --help) usage; exit ;;
*) usage >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
cluster=${KIND_CLUSTER:-mizzen} namespace=mizzen-example
k() { kubectl --context "kind-$cluster" "$@"; }
say() { printf '\n== %s\n' "$*"; }

# only VERSION waits until the last ten answers of both clients come from that version.
only() {
	local deadline=$((SECONDS + 120)) client answers
	for client in client-go client-python; do
		until answers=$(k -n "$namespace" logs "deployment/$client" --tail=10 2>/dev/null) &&
			[[ $(grep -c "version $1\$" <<<"$answers") == 10 ]]; do
			if ((SECONDS > deadline)); then
				printf 'kind-demo: %s does not call %s alone:\n%s\n' "$client" "$1" "$answers" >&2
				exit 1
			fi
			sleep 1
		done
		echo "$client: ten answers of $1"
	done
}

say "build the images and load them"
for program in server client; do
	arch=$(go env GOARCH)
	CGO_ENABLED=0 GOOS=linux go -C examples/go build -trimpath -ldflags="-s -w" -o "$PWD/bin/image/linux-$arch/example-$program" "./$program"
	go -C hack/image run . -name "ghcr.io/mizzen-mesh/example-$program:dev" -tar "$PWD/bin/image/example-$program.tar" \
		"$PWD/bin/image/linux-$arch/example-$program"
	kind load image-archive "bin/image/example-$program.tar" --name "$cluster"
done
docker build --target client --tag ghcr.io/mizzen-mesh/example-python:dev examples/python
kind load docker-image ghcr.io/mizzen-mesh/example-python:dev --name "$cluster"

say "install the application"
k apply -k manifests/example
for deployment in greeter-v1 greeter-v2 client-go client-python; do
	k -n "$namespace" rollout status "deployment/$deployment" --timeout=180s
done

say "all calls go to v1"
only v1
say "send them to v2"
k -n "$namespace" patch virtualservice greeter --type=json --patch '[
	{"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 0},
	{"op": "replace", "path": "/spec/http/0/route/1/weight", "value": 100}]'
only v2
say "it works; the application stays: kubectl --context kind-$cluster -n $namespace logs deployment/client-go -f"
