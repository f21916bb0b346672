package authority

import (
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/url"
	"time"
)

// Identity issues a certificate with a URI.
func (a *Authority) Identity(uri string) tls.Certificate {
	a.t.Helper()
	parsed, err := url.Parse(uri)
	if err != nil {
		a.t.Fatal(err)
	}
	key := newKey(a.t)
	leaf := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(3), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		URIs: []*url.URL{parsed}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, a.cert, key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}
}
