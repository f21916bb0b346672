package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const domain = "cluster.local"

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// issuer makes certificates for tests.
type issuer struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// newIssuer signs a certificate of an authority with another, or with its own key.
func newIssuer(t *testing.T, name string, by *issuer, edit func(*x509.Certificate)) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issuerWith(t, name, key, by, edit)
}

func issuerWith(t *testing.T, name string, key crypto.Signer, by *issuer, edit func(*x509.Certificate)) *issuer {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: epoch, NotAfter: epoch.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	if edit != nil {
		edit(template)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{certificate, key}
}

func (i *issuer) pem() []byte { return encode(i.certificate) }

func (i *issuer) keyPEM(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// files are an authority of the issuer, whose chain and roots are given.
func (i *issuer) files(t *testing.T, roots []byte, above ...*issuer) Files {
	t.Helper()
	chain := i.pem()
	for _, one := range above {
		chain = append(chain, one.pem()...)
	}
	return Files{CertificateKey: chain, PrivateKeyKey: i.keyPEM(t), RootsKey: roots}
}

func created(t *testing.T, at time.Time, lifetime time.Duration) *Authority {
	t.Helper()
	files, err := Create(domain, at, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Parse(files, domain)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func podKey(t *testing.T) *ecdsa.PublicKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &key.PublicKey
}

// verify checks a leaf as a client does that knows only the roots of the authority, and returns it.
func verify(t *testing.T, a *Authority, leaf Leaf, at time.Time) *x509.Certificate {
	t.Helper()
	chain, err := Decode(leaf.Chain)
	if err != nil {
		t.Fatal(err)
	}
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range a.Roots {
		roots.AddCert(c)
	}
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
			t.Errorf("usage %v: %v", usage, err)
		}
	}
	return chain[0]
}

func TestLeaf(t *testing.T) {
	a := created(t, epoch, 1000*time.Hour)
	key := podKey(t)
	leaf, err := a.Sign(key, a.ID("shop", "cart"), epoch, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c := verify(t, a, leaf, epoch)
	if !key.Equal(c.PublicKey) {
		t.Error("the leaf has another key")
	}
	if len(c.URIs) != 1 || c.URIs[0].String() != "spiffe://cluster.local/ns/shop/sa/cart" || len(c.DNSNames)+len(c.IPAddresses)+len(c.EmailAddresses) > 0 {
		t.Errorf("got names %v %v %v, want the ID alone", c.URIs, c.DNSNames, c.IPAddresses)
	}
	if len(c.Subject.Names) > 0 || c.IsCA || c.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Errorf("got subject %v, CA %t, usage %b", c.Subject, c.IsCA, c.KeyUsage)
	}
	critical := slices.ContainsFunc(c.Extensions, func(e pkix.Extension) bool { return e.Id.String() == "2.5.29.17" && e.Critical })
	if !critical {
		t.Error("the alternative names are not critical, and there is no subject")
	}
	if !c.NotBefore.Equal(leaf.NotBefore) || !c.NotAfter.Equal(leaf.NotAfter) || leaf.NotAfter.Sub(leaf.NotBefore) != 24*time.Hour ||
		leaf.BeginRefreshAt.Sub(leaf.NotBefore) != 12*time.Hour || epoch.Sub(leaf.NotBefore) != backdate {
		t.Errorf("got %v %v %v", leaf.NotBefore, leaf.BeginRefreshAt, leaf.NotAfter)
	}
	other, err := a.Sign(key, a.ID("shop", "cart"), epoch, 24*time.Hour)
	if err != nil || verify(t, a, other, epoch).SerialNumber.Cmp(c.SerialNumber) == 0 {
		t.Errorf("two leaves have one serial number (%v)", err)
	}
}

// TestLeafEndsWithItsAuthority: a leaf that outlives its authority would be refused without a warning.
func TestLeafEndsWithItsAuthority(t *testing.T) {
	a := created(t, epoch, 100*time.Hour)
	end := a.NotAfter()
	for name, test := range map[string]struct {
		now  time.Time
		want time.Time
		err  string
	}{
		"long before":        {epoch, epoch.Add(24*time.Hour - backdate), ""},
		"shortly before":     {end.Add(-2 * time.Hour), end, ""},
		"an hour before":     {end.Add(-time.Hour), time.Time{}, "no leaf can live less than 1h0m0s"},
		"at the end":         {end, time.Time{}, "has expired"},
		"before it is valid": {epoch.Add(-time.Hour), time.Time{}, "begins at"},
	} {
		t.Run(name, func(t *testing.T) {
			leaf, err := a.Sign(podKey(t), a.ID("shop", "cart"), test.now, 24*time.Hour)
			switch {
			case test.err != "":
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %v, want %q", err, test.err)
				}
			case err != nil || !leaf.NotAfter.Equal(test.want) || !a.Ends(test.now, 24*time.Hour).Equal(test.want):
				t.Errorf("got %v, %v, want %v", leaf.NotAfter, err, test.want)
			}
		})
	}
}

// TestIntermediates: what cert-manager and other authorities put into a Secret.
func TestIntermediates(t *testing.T) {
	root := newIssuer(t, "root", nil, nil)
	upper := newIssuer(t, "upper", root, nil)
	lower := newIssuer(t, "lower", upper, nil)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other := newIssuer(t, "other", nil, nil)
	rsaRoot := issuerWith(t, "rsa", rsaKey, nil, nil)
	for name, test := range map[string]struct {
		files Files
		chain int
		roots []*issuer
	}{
		"an own root":                   {root.files(t, root.pem()), 1, []*issuer{root}},
		"an own root without ca.crt":    {root.files(t, nil), 1, []*issuer{root}},
		"an intermediate":               {upper.files(t, root.pem()), 2, []*issuer{root}},
		"two, and the root at the end":  {lower.files(t, nil, upper, root), 3, []*issuer{root}},
		"two, and the root in ca.crt":   {lower.files(t, root.pem(), upper), 3, []*issuer{root}},
		"a root that verifies nothing":  {upper.files(t, append(other.pem(), root.pem()...)), 2, []*issuer{root}},
		"an intermediate in ca.crt too": {lower.files(t, append(upper.pem(), root.pem()...), upper), 3, []*issuer{root}},
		"a root twice":                  {upper.files(t, append(root.pem(), root.pem()...)), 2, []*issuer{root}},
		"an RSA key":                    {rsaRoot.files(t, nil), 1, []*issuer{rsaRoot}},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := Parse(test.files, domain)
			if err != nil {
				t.Fatal(err)
			}
			leaf, err := a.Sign(podKey(t), a.ID("shop", "cart"), epoch.Add(time.Hour), 24*time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			verify(t, a, leaf, epoch.Add(time.Hour))
			chain, err := Decode(leaf.Chain)
			if err != nil || len(chain) != test.chain {
				t.Errorf("got %d certificates (%v), want %d", len(chain), err, test.chain)
			}
			if !slices.EqualFunc(a.Roots, test.roots, func(c *x509.Certificate, i *issuer) bool { return c.Equal(i.certificate) }) {
				t.Errorf("got roots %v", a.Roots)
			}
		})
	}
}

// TestParseRefuses: what clients would not accept is an error that says what is wrong.
func TestParseRefuses(t *testing.T) {
	root := newIssuer(t, "root", nil, nil)
	stranger := newIssuer(t, "stranger", nil, nil)
	upper := newIssuer(t, "upper", root, nil)
	spiffe := func(host string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.URIs = []*url.URL{{Scheme: "spiffe", Host: host}} }
	}
	flat := newIssuer(t, "flat", nil, func(c *x509.Certificate) { c.MaxPathLenZero = true })
	below := newIssuer(t, "below", flat, nil)
	named := newIssuer(t, "named", nil, func(c *x509.Certificate) {
		c.PermittedURIDomains, c.PermittedDNSDomainsCritical = []string{"example.org"}, true
	})
	expired := newIssuer(t, "expired", nil, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = epoch.AddDate(-2, 0, 0), epoch.AddDate(-1, 0, 0) })
	belowExpired := newIssuer(t, "below", expired, nil)
	with := func(f Files, key string, value []byte) Files {
		f = f.only()
		f[key] = value
		return f
	}
	good := root.files(t, root.pem())
	for name, test := range map[string]struct {
		files Files
		want  string
	}{
		"nothing":                     {Files{}, "tls.crt has no certificate"},
		"no PEM":                      {with(good, CertificateKey, []byte("text")), "tls.crt has text that is not PEM"},
		"text behind PEM":             {with(good, CertificateKey, append(root.pem(), "text"...)), "tls.crt has text that is not PEM"},
		"a key as certificate":        {with(good, CertificateKey, root.keyPEM(t)), `tls.crt has a PEM block "PRIVATE KEY"`},
		"no certificate in PEM":       {with(good, CertificateKey, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), "tls.crt has a certificate that cannot be read"},
		"no key":                      {with(good, PrivateKeyKey, nil), "tls.key is empty"},
		"no key in PEM":               {with(good, PrivateKeyKey, []byte("text")), "tls.key does not fit tls.crt"},
		"the key of another":          {with(good, PrivateKeyKey, stranger.keyPEM(t)), "tls.key does not fit tls.crt: private key does not match public key"},
		"the roots of another":        {with(good, RootsKey, stranger.pem()), "no root in ca.crt verifies what tls.crt signs"},
		"roots that are no PEM":       {with(good, RootsKey, []byte("text")), "ca.crt has text that is not PEM"},
		"an intermediate alone":       {upper.files(t, nil), "ca.crt has no self-signed certificate"},
		"an intermediate as its root": {upper.files(t, upper.pem()), "ca.crt has no self-signed certificate"},
		"a gap in the chain":          {newIssuer(t, "lower", upper, nil).files(t, root.pem()), "no root in ca.crt verifies"},
		"a leaf":                      {newIssuer(t, "leaf", nil, func(c *x509.Certificate) { c.IsCA = false }).files(t, nil), "is not the certificate of an authority: with cert-manager, set isCA: true"},
		"without the usage":           {newIssuer(t, "usage", nil, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }).files(t, nil), "is not the certificate of an authority"},
		"another trust domain":        {newIssuer(t, "td", nil, spiffe("example.org")).files(t, nil), `tls.crt is for the trust domain "example.org", and leaves are for "cluster.local"`},
		"too deep":                    {below.files(t, flat.pem()), "no root in ca.crt verifies"},
		"names that are not allowed":  {named.files(t, nil), "no root in ca.crt verifies"},
		"below an expired root":       {belowExpired.files(t, expired.pem()), "no root in ca.crt verifies"},
	} {
		t.Run(name, func(t *testing.T) {
			if a, err := Parse(test.files, domain); err == nil || a != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, %v, want nothing and %q", a, err, test.want)
			}
		})
	}
	a, err := Parse(good, domain)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %v", a, a, a.Files); strings.Contains(text, "[") {
		t.Errorf("an authority is printed with its key: %s", text)
	}
	if _, err := Parse(newIssuer(t, "td", nil, spiffe(domain)).files(t, nil), domain); err != nil {
		t.Errorf("its own trust domain: %v", err)
	}
}

func TestCreate(t *testing.T) {
	one, other := created(t, epoch, 1000*time.Hour), created(t, epoch, 1000*time.Hour)
	c := one.Certificate
	if !c.NotAfter.Equal(epoch.Add(1000*time.Hour)) || !c.MaxPathLenZero || c.MaxPathLen != 0 || len(c.URIs) != 1 || c.URIs[0].String() != "spiffe://cluster.local" {
		t.Errorf("got %v %t %v", c.NotAfter, c.MaxPathLenZero, c.URIs)
	}
	if one.Certificate.Subject.String() == other.Certificate.Subject.String() || Same(one, other) || !Same(one, one) {
		t.Error("two authorities have the same name")
	}
	if _, err := Create("example.org", epoch, time.Hour); err != nil {
		t.Error(err)
	}
}

// BenchmarkSign is the cost of one certificate.
func BenchmarkSign(b *testing.B) {
	files, err := Create(domain, epoch, 1000*time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	a, err := Parse(files, domain)
	if err != nil {
		b.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := a.Sign(&key.PublicKey, a.ID("shop", "cart"), epoch, 24*time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}
