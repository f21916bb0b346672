package cluster

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
)

// WriteCertificate fills dir with tls.crt, tls.key and ca.crt, of the authority that users' certificates are of, too: for a server
// at HostIP, or for a client whom the SPIFFE id names, if it is not empty.
func (c *Cluster) WriteCertificate(dir, spiffeID string) error { return c.ca.write(dir, spiffeID) }

// WriteForeignCertificate does the same with an authority that nobody knows.
func WriteForeignCertificate(dir, spiffeID string) error {
	stranger, err := newAuthority()
	if err != nil {
		return err
	}
	return stranger.write(dir, spiffeID)
}

func (a *authority) write(dir, spiffeID string) error {
	who := identity{name: "e2e-workload", addresses: []net.IP{net.ParseIP(HostIP)}}
	if spiffeID != "" {
		uri, err := url.Parse(spiffeID)
		if err != nil {
			return err
		}
		who.uris = append(who.uris, uri)
	}
	certificate, key, err := a.issue(who)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"ca.crt": a.pem, "tls.crt": certificate, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// TokenKey is what the API server signs the tokens of service accounts with, for tokens that it would not make.
func (c *Cluster) TokenKey() (crypto.Signer, error) {
	text, err := os.ReadFile(filepath.Join(c.dir, "sa.key"))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s/sa.key is not PEM", c.dir)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("the key of tokens is a %T", key)
	}
	return signer, nil
}
