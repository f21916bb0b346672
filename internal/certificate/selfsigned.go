package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// lifetime is the validity of a self-signed certificate. Each start creates a new one.
const lifetime = 365 * 24 * time.Hour

// SelfSigned is a certificate that the process created for itself.
type SelfSigned struct {
	// Authority is the certificate that clients must trust, as PEM.
	Authority []byte
	pair      tls.Certificate
}

// NewSelfSigned creates a certificate for the names, which may be host names or IP addresses.
func NewSelfSigned(names []string) (*SelfSigned, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "mizzen (self-signed)"},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(lifetime),
		// It is its own authority. A client that trusts it trusts no other certificate.
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	return &SelfSigned{
		Authority: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pair:      tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
	}, nil
}

// Config returns the TLS configuration of a server. It does not request client certificates.
func (s *SelfSigned) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"}, Certificates: []tls.Certificate{s.pair}}
}
