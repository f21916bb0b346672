#!/usr/bin/env bash
# Removes the cluster of hack/kind-up.sh: hack/kind-down.sh.
set -euo pipefail
kind delete cluster --name "${KIND_CLUSTER:-mizzen}"
