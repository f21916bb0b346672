#!/usr/bin/env bash
# Makes an authority, and a certificate for each service account of the namespace shop, to try mTLS on one machine:
# examples/mtls/certificates.sh DIR ACCOUNT... Each DIR/ACCOUNT has tls.crt, tls.key and ca.crt, as a pod has in a cluster.
# The certificates are valid for a day.
set -euo pipefail
case ${1-} in -*) sed -n '2,/^[^#]/s/^# //p' "$0"; exit ;; esac
dir=${1:?usage: examples/mtls/certificates.sh DIR ACCOUNT...}
shift
umask 077
mkdir -p "$dir"
cd "$dir"
# key makes a key, and a request or a certificate for it, by openssl req.
key() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "$@" 2>/dev/null; }

if [[ ! -e ca.key ]]; then
	key -x509 -days 30 -keyout ca.key -out ca.crt -subj "/CN=examples" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign -addext subjectAltName=URI:spiffe://cluster.local
fi
for account in "$@"; do
	mkdir -p "$account"
	key -keyout "$account/tls.key" -out "$account/tls.csr" -subj /
	openssl x509 -req -in "$account/tls.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 1 -out "$account/tls.crt" 2>/dev/null -extfile - <<-END
		subjectAltName = critical, URI:spiffe://cluster.local/ns/shop/sa/$account
		basicConstraints = critical, CA:FALSE
		keyUsage = critical, digitalSignature
		extendedKeyUsage = serverAuth, clientAuth
	END
	cp ca.crt "$account/ca.crt"
	rm "$account/tls.csr"
done
