package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/url"
	"time"
)

// Create makes an authority that is its own root. Each has another subject, because clients of some languages find the
// root of a leaf by its name.
func Create(trustDomain string, now time.Time, lifetime time.Duration) (Files, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	var random [4]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	from := now.Add(-backdate).Truncate(time.Second)
	template := root(trustDomain, hex.EncodeToString(random[:]), from, now.Add(lifetime))
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign the root: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	files := Files{
		CertificateKey: certificate, RootsKey: certificate,
		PrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
	}
	_, err = Parse(files, trustDomain)
	return files, err
}

func root(trustDomain, suffix string, from, to time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{Organization: []string{"Mizzen"}, CommonName: "workloads of " + trustDomain + " " + suffix},
		NotBefore: from, NotAfter: to.Truncate(time.Second),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		URIs: []*url.URL{{Scheme: "spiffe", Host: trustDomain}},
	}
}
