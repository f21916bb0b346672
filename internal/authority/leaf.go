package authority

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"time"
)

const (
	// MinLifetime is the shortest life of a leaf that the API server accepts.
	MinLifetime = time.Hour
	// MaxLifetime is the longest.
	MaxLifetime = 91 * 24 * time.Hour
	// backdate is how long before its signing a leaf begins, for clocks of nodes that are late. The API server accepts
	// five minutes.
	backdate = time.Minute
)

// Leaf is the certificate of a pod.
type Leaf struct {
	// Chain has the leaf and the intermediates as PEM.
	Chain []byte
	// BeginRefreshAt is when the kubelet should request the next one: half of the life remains then for an outage.
	NotBefore, BeginRefreshAt, NotAfter time.Time
}

// Ends returns when a leaf ends that is signed now and may live so long: with the authority at the latest.
func (a *Authority) Ends(now time.Time, lifetime time.Duration) time.Time {
	end := now.Add(-backdate).Truncate(time.Second).Add(lifetime)
	if last := a.NotAfter(); last.Before(end) {
		return last
	}
	return end
}

// Sign signs a leaf with the ID for a key. It has no subject and no DNS names, so that the ID is all that it proves.
func (a *Authority) Sign(key *ecdsa.PublicKey, id string, now time.Time, lifetime time.Duration) (Leaf, error) {
	if err := a.Usable(now); err != nil {
		return Leaf{}, err
	}
	from, to := now.Add(-backdate).Truncate(time.Second), a.Ends(now, lifetime)
	der, err := a.sign(key, id, from, to)
	if err != nil {
		return Leaf{}, fmt.Errorf("sign a certificate for %s: %w", id, err)
	}
	chain := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), a.chain...)
	return Leaf{Chain: chain, NotBefore: from, BeginRefreshAt: from.Add(to.Sub(from) / 2).Truncate(time.Second), NotAfter: to}, nil
}

// sign returns a leaf as DER. Without a subject, crypto/x509 marks the alternative names as critical.
func (a *Authority) sign(key *ecdsa.PublicKey, id string, from, to time.Time) ([]byte, error) {
	uri, err := url.Parse(id)
	if err != nil {
		return nil, err
	}
	return x509.CreateCertificate(rand.Reader, &x509.Certificate{
		NotBefore: from, NotAfter: to,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		URIs:                  []*url.URL{uri},
	}, a.Certificate, key, a.key)
}
