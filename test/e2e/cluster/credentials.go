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

// WriteCertificate writes tls.crt, tls.key and ca.crt to dir. The authority is the one of the cluster's client
// certificates. The certificate is for a client with the SPIFFE ID, or for a server at HostIP if the ID is empty.
func (c *Cluster) WriteCertificate(dir, spiffeID string) error { return c.ca.write(dir, spiffeID) }

// WriteForeignCertificate does the same with an authority that is not trusted.
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

// TokenKey is the key with which the API server signs service account tokens. With it, tests make tokens that the API
// server would not make.
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
