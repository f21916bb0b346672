package authority

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The keys of a Secret that holds an authority, as cert-manager and Kubernetes name them.
const (
	CertificateKey = "tls.crt"
	PrivateKeyKey  = "tls.key"
	RootsKey       = "ca.crt"
)

const scheme = "spiffe://"

// Files are an authority as PEM, by the keys of a Secret.
type Files map[string][]byte

// FilesOf returns the files that a Secret has.
func FilesOf(data map[string][]byte) Files { return Files(data).only() }

// String does not return the key, for the same reason as Authority.String.
func (f Files) String() string { return fmt.Sprintf("%d files of an authority", len(f)) }

// Equal reports whether both are the same authority.
func (f Files) Equal(other Files) bool {
	for _, key := range []string{CertificateKey, PrivateKeyKey, RootsKey} {
		if !bytes.Equal(f[key], other[key]) {
			return false
		}
	}
	return true
}

// only returns the files of an authority, without what else a Secret has.
func (f Files) only() Files {
	return Files{CertificateKey: f[CertificateKey], PrivateKeyKey: f[PrivateKeyKey], RootsKey: f[RootsKey]}
}

// Authority is a certificate authority for workloads of one trust domain.
type Authority struct {
	// Files are what it was parsed from.
	Files Files
	// Certificate signs leaves.
	Certificate *x509.Certificate
	// Intermediates are what a leaf needs behind it for a client that knows only roots, Certificate first. Empty if
	// Certificate is itself a root.
	Intermediates []*x509.Certificate
	// Roots are the self-signed certificates that clients must trust.
	Roots []*x509.Certificate
	// TrustDomain is the one that its leaves are for.
	TrustDomain string

	key   crypto.Signer
	chain []byte
}

// Parse reads an authority that signs for a trust domain. It fails if clients would not accept its leaves, at any time
// of its life. Whether it is valid now, Usable says.
func Parse(files Files, trustDomain string) (*Authority, error) {
	a := &Authority{Files: files.only(), TrustDomain: trustDomain}
	certificates, err := decode(files[CertificateKey], CertificateKey)
	if err != nil {
		return nil, err
	}
	a.Certificate = certificates[0]
	if a.key, err = parseKey(files, a.Certificate); err != nil {
		return nil, err
	}
	if err := a.checkCertificate(); err != nil {
		return nil, err
	}
	candidates := certificates
	if len(files[RootsKey]) > 0 {
		if candidates, err = decode(files[RootsKey], RootsKey); err != nil {
			return nil, err
		}
	}
	for _, c := range certificates {
		if !selfSigned(c) {
			a.Intermediates = append(a.Intermediates, c)
			a.chain = append(a.chain, encode(c)...)
		}
	}
	if err := a.findRoots(candidates); err != nil {
		return nil, err
	}
	return a, nil
}

// String returns its name. Without this method a careless log line would have the key.
func (a *Authority) String() string {
	return fmt.Sprintf("authority %s of %s", subject(a.Certificate), a.TrustDomain)
}

// parseKey reads the key and compares it with the certificate.
func parseKey(files Files, certificate *x509.Certificate) (crypto.Signer, error) {
	if len(files[PrivateKeyKey]) == 0 {
		return nil, fmt.Errorf("%s is empty: it must have the key of %s as PEM", PrivateKeyKey, CertificateKey)
	}
	pair, err := tls.X509KeyPair(encode(certificate), files[PrivateKeyKey])
	if err != nil {
		return nil, fmt.Errorf("%s does not fit %s: %s", PrivateKeyKey, CertificateKey, strings.TrimPrefix(err.Error(), "tls: "))
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s is a key that cannot sign", PrivateKeyKey)
	}
	return key, nil
}

func (a *Authority) checkCertificate() error {
	c := a.Certificate
	if !c.BasicConstraintsValid || !c.IsCA || c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0 {
		return fmt.Errorf("%s (%s) is not the certificate of an authority: with cert-manager, set isCA: true", CertificateKey, subject(c))
	}
	for _, uri := range c.URIs {
		if uri.Scheme == "spiffe" && uri.Host != a.TrustDomain {
			return fmt.Errorf("%s is for the trust domain %q, and leaves are for %q", CertificateKey, uri.Host, a.TrustDomain)
		}
	}
	return nil
}

// findRoots takes those of the candidates that verify a leaf.
func (a *Authority) findRoots(candidates []*x509.Certificate) error {
	leaf, err := a.trial()
	if err != nil {
		return err
	}
	intermediates := x509.NewCertPool()
	for _, c := range a.Intermediates {
		intermediates.AddCert(c)
	}
	cause := errors.New("ca.crt has no self-signed certificate, and clients of some languages accept no other root")
	for _, root := range candidates {
		if !selfSigned(root) {
			continue
		}
		roots := x509.NewCertPool()
		roots.AddCert(root)
		_, failure := leaf.Verify(x509.VerifyOptions{
			Roots: roots, Intermediates: intermediates, CurrentTime: later(leaf.NotBefore, root.NotBefore),
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		})
		switch known := slices.ContainsFunc(a.Roots, root.Equal); {
		case failure != nil:
			cause = failure
		case !known:
			a.Roots = append(a.Roots, root)
		}
	}
	if len(a.Roots) == 0 {
		return fmt.Errorf("no root in %s verifies what %s signs: %s", RootsKey, CertificateKey, strings.TrimPrefix(cause.Error(), "x509: "))
	}
	return nil
}

// trial signs a leaf that is valid when everything above it is, for its verification.
func (a *Authority) trial() (*x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	from := a.Certificate.NotBefore
	for _, c := range a.Intermediates {
		from = later(from, c.NotBefore)
	}
	der, err := a.sign(&key.PublicKey, a.ID("trial", "trial"), from, a.Certificate.NotAfter)
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", PrivateKeyKey, err)
	}
	return x509.ParseCertificate(der)
}

// ID returns the SPIFFE ID of a service account, in Istio's form.
func (a *Authority) ID(namespace, account string) string {
	return scheme + a.TrustDomain + "/ns/" + namespace + "/sa/" + account
}

// NotBefore returns when the authority begins: the latest begin of its certificates.
func (a *Authority) NotBefore() (at time.Time) {
	for _, c := range a.all() {
		at = later(at, c.NotBefore)
	}
	return at
}

// NotAfter returns when the authority ends: the earliest end of its certificates. If it has several roots, the last one
// counts.
func (a *Authority) NotAfter() time.Time {
	end := a.Roots[0].NotAfter
	for _, root := range a.Roots {
		end = later(end, root.NotAfter)
	}
	for _, c := range append(slices.Clone(a.Intermediates), a.Certificate) {
		if c.NotAfter.Before(end) {
			end = c.NotAfter
		}
	}
	return end
}

// Usable returns why no leaf can be signed now; nil if one can.
func (a *Authority) Usable(now time.Time) error {
	switch begin, end := a.NotBefore(), a.NotAfter(); {
	case now.Before(begin):
		return fmt.Errorf("the authority begins at %s", stamp(begin))
	case !now.Before(end):
		return fmt.Errorf("the authority has expired at %s", stamp(end))
	case end.Sub(now) <= MinLifetime:
		return fmt.Errorf("the authority expires at %s, and no leaf can live less than %s", stamp(end), MinLifetime)
	}
	return nil
}

// Same reports whether two authorities are the same; either may be nil.
func Same(a, b *Authority) bool {
	return a == b || a != nil && b != nil && a.Files.Equal(b.Files)
}

// all returns its certificates, without repetition except for an own root.
func (a *Authority) all() []*x509.Certificate {
	return slices.Concat([]*x509.Certificate{a.Certificate}, a.Intermediates, a.Roots)
}

// Fingerprint identifies a certificate: the SHA-256 of its DER encoding.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// Decode reads certificates as PEM.
func Decode(text []byte) ([]*x509.Certificate, error) { return decode(text, "the bundle") }

func decode(text []byte, name string) (all []*x509.Certificate, err error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%s has a PEM block %q: it must have certificates only", name, block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s has a certificate that cannot be read: %w", name, err)
		}
		all = append(all, c)
	}
	switch {
	case len(bytes.TrimSpace(text)) > 0:
		return nil, fmt.Errorf("%s has text that is not PEM", name)
	case len(all) == 0:
		return nil, fmt.Errorf("%s has no certificate", name)
	}
	return all, nil
}

// Encode writes a certificate as PEM.
func Encode(c *x509.Certificate) []byte { return encode(c) }

func encode(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// subject names a certificate in an error.
func subject(c *x509.Certificate) string {
	if name := c.Subject.String(); name != "" {
		return name
	}
	return "without a subject"
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }
