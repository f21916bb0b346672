#!/usr/bin/env bash
# Removes the cluster of hack/kind-up.sh: hack/kind-down.sh.
# KIND_CLUSTER names the cluster (mizzen).
set -euo pipefail
usage() { sed -n '2,/^[^#]/s/^# //p' "$0"; }
case ${1-} in
'') ;;
-h | --help) usage; exit ;;
*) usage >&2; exit 2 ;;
esac
kind delete cluster --name "${KIND_CLUSTER:-mizzen}"
