#!/usr/bin/env bash
# Makes an authority and a certificate for Mizzen, for clusters without cert-manager: hack/certificates.sh DIR [DAYS].
# DIR then holds tls.crt and tls.key for the Secret mizzen-tls, ca.crt for clients, and ca.key to keep somewhere safe.
# Where there is an authority already, it signs again.
set -euo pipefail
dir=${1:?usage: hack/certificates.sh DIR [DAYS]} days=${2:-365}
umask 077
mkdir -p "$dir"
cd "$dir"

if [[ ! -e ca.key ]]; then
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 3650 -subj /CN=mizzen \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
fi
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.csr -subj /CN=mizzen 2>/dev/null
cat >tls.ext <<'END'
subjectAltName = DNS:mizzen.mizzen-system.svc, DNS:mizzen.mizzen-system.svc.cluster.local, DNS:mizzen-replicas.mizzen-system.svc, DNS:mizzen-replicas.mizzen-system.svc.cluster.local
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
END
openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out tls.crt -days "$days" -extfile tls.ext 2>/dev/null
rm -f tls.csr tls.ext
