package authority

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Outside returns the configuration of a server outside of the mesh: it has a certificate for each name, asks clients for
// none, and presents the one for the name that a client sends. The first is for all other clients.
func (a *Authority) Outside(names ...string) *tls.Config {
	a.t.Helper()
	config := &tls.Config{NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}
	for _, name := range names {
		key := newKey(a.t)
		leaf := a.sign(&x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			DNSNames: []string{name}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}, a.cert, key)
		config.Certificates = append(config.Certificates, tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key})
	}
	return config
}

// The files of SystemRoots.
const (
	rootsPEM     = "roots.pem"
	rootsKeyring = "roots.p12"
)

// SystemRoots returns the environment of a process in any language on a machine that trusts this authority and no other, and
// the file with it.
func (a *Authority) SystemRoots() (env []string, file string) {
	a.t.Helper()
	dir := a.t.TempDir()
	file = filepath.Join(dir, rootsPEM)
	keyring := filepath.Join(dir, rootsKeyring)
	if err := os.WriteFile(file, a.pem, 0o600); err != nil {
		a.t.Fatal(err)
	}
	const password = "changeit"
	importing := exec.CommandContext(a.t.Context(), "keytool", "-importcert", "-noprompt", "-alias", "root", "-file", file, "-keystore", keyring, "-storetype", "PKCS12", "-storepass", password)
	if out, err := importing.CombinedOutput(); err != nil {
		a.t.Fatalf("keytool: %v\n%s", err, out)
	}
	return []string{
		"SSL_CERT_FILE=" + file, "SSL_CERT_DIR=" + dir, // Go
		"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=" + file, // C-core
		"NODE_EXTRA_CA_CERTS=" + file,
		"JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore=" + keyring + " -Djavax.net.ssl.trustStoreType=PKCS12 -Djavax.net.ssl.trustStorePassword=" + password,
	}, file
}
