#!/usr/bin/env bash
# Creates a certificate authority and a certificate for Mizzen, for clusters without cert-manager:
# hack/certificates.sh DIR [DAYS]. Afterwards DIR has tls.crt and tls.key for the Secret mizzen-tls, ca.crt for
# clients, and ca.key, which must be kept secret. An existing authority is kept, and signs a new certificate.
set -euo pipefail
case ${1-} in -*) sed -n '2,/^[^#]/s/^# //p' "$0"; exit ;; esac
dir=${1:?usage: hack/certificates.sh DIR [DAYS]} days=${2:-365}
umask 077
# ssl runs openssl, and prints its output only if it fails.
ssl() {
	local said
	said=$(openssl "$@" 2>&1) || { printf 'certificates: openssl %s failed:\n%s\n' "$1" "$said" >&2; exit 1; }
}
mkdir -p "$dir"
cd "$dir"

if [[ ! -e ca.key ]]; then
	ssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 3650 -subj /CN=mizzen \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
fi
ssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.csr -subj /CN=mizzen
cat >tls.ext <<'END'
subjectAltName = DNS:mizzen.mizzen-system.svc, DNS:mizzen.mizzen-system.svc.cluster.local, DNS:mizzen-replicas.mizzen-system.svc, DNS:mizzen-replicas.mizzen-system.svc.cluster.local, DNS:mizzen-fallback.mizzen-system.svc, DNS:mizzen-fallback.mizzen-system.svc.cluster.local
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
END
ssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out tls.crt -days "$days" -extfile tls.ext
rm -f tls.csr tls.ext
