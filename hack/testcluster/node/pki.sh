#!/usr/bin/env bash
# Creates the certificates and kubeconfigs of the cluster, once, and those of node $index.
set -euo pipefail
: "${state:?}" "${index:?}" "${here:?}" "${nodes_at:?}" "${services_at:?}"
mkdir -p "$state/pki"
cd "$state/pki"

# The machine's openssl.cnf is not used, because it would make each certificate an authority.
config=$(printf '[req]\ndistinguished_name=name\n[name]\n')

# certificate NAME SUBJECT EXTENSION... is signed by the authority, or self-signed as long as there is no authority.
certificate() {
	local name=$1 subject=$2 issuer=() extensions=() e
	shift 2
	[[ -e ca.crt ]] && issuer=(-CA ca.crt -CAkey ca.key)
	for e; do extensions+=(-addext "$e"); done
	openssl req -x509 -config <(echo "$config") -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 30 \
		-keyout "$name.key" -out "$name.crt.new" -subj "$subject" "${issuer[@]}" "${extensions[@]}" 2>/dev/null
	mv "$name.crt.new" "$name.crt"
}

# user NAME SUBJECT makes a client certificate and a kubeconfig that uses it.
user() {
	certificate "$1" "$2" extendedKeyUsage=clientAuth
	sed "s|@state@|$state|g; s|@user@|$1|g; s|@first@|$nodes_at.0.1|g" "$here/node/kubeconfig.yaml" >"$state/$1.kubeconfig"
}

if [[ ! -e ca.crt ]]; then
	certificate ca /CN=test-cluster basicConstraints=critical,CA:TRUE keyUsage=critical,keyCertSign,cRLSign
	openssl genrsa -out sa.key 2048 2>/dev/null
	openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
	certificate apiserver /CN=kube-apiserver extendedKeyUsage=serverAuth \
		"subjectAltName=DNS:kubernetes.default.svc,DNS:kubernetes.default,DNS:kubernetes,IP:$nodes_at.0.1,IP:$services_at.0.1"
	user admin /O=system:masters/CN=admin
	user controllers /CN=system:kube-controller-manager
	user scheduler /CN=system:kube-scheduler
	user proxy /CN=system:kube-proxy
fi
user "kubelet-$index" "/O=system:nodes/CN=system:node:node-$index"
certificate "node-$index" "/CN=node-$index" extendedKeyUsage=serverAuth "subjectAltName=IP:$nodes_at.0.$((index + 1))"
