package signer

import (
	"context"
	"crypto/x509"
	"fmt"
	"reflect"
	"slices"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/internal/authority"
)

// storedState is the State, and the Secret that it is in; nil if there is none.
type storedState struct {
	authority.State

	secret *corev1.Secret
}

// Seen is what was read from the cluster.
type Seen struct {
	// Secret has the desired authority; nil if it does not exist.
	Secret *corev1.Secret
	// Desired is nil if the Secret has no authority that could sign; then DesiredError is why. InUse is nil if there is
	// none, or if it could not sign for the trust domain; then InUseError is why.
	Desired, InUse           *authority.Authority
	DesiredError, InUseError error
	State                    authority.State
	// Bundle is nil if it does not exist. Its roots are Roots.
	Bundle *certificatesv1.ClusterTrustBundle
	Roots  []*x509.Certificate

	stored storedState
}

// parser parses authorities, and keeps what it parsed last: the same are read again and again, and parsing signs a
// certificate.
type parser struct {
	trustDomain string
	kept        []parsed
}

type parsed struct {
	files     authority.Files
	authority *authority.Authority
	err       error
}

// maxParsed is how many are kept: the desired authority, the one in use, and the next.
const maxParsed = 3

// parse returns nil without files.
func (p *parser) parse(files authority.Files) (*authority.Authority, error) {
	if files == nil {
		return nil, nil //nolint:nilnil // there may be none
	}
	i := slices.IndexFunc(p.kept, func(k parsed) bool { return k.files.Equal(files) })
	if i < 0 {
		a, err := authority.Parse(files, p.trustDomain)
		p.kept = append(p.kept, parsed{files, a, err})
		i = len(p.kept) - 1
	}
	found := p.kept[i]
	p.kept = p.kept[max(0, len(p.kept)-maxParsed):]
	return found.authority, found.err
}

// Read reads the authorities, the State and the bundle. Mistakes in the Secret are no errors. namespace is the
// Cluster's, for messages.
func Read(ctx context.Context, c Cluster, namespace, trustDomain string) (*Seen, error) {
	return read(ctx, c, namespace, &parser{trustDomain: trustDomain})
}

func read(ctx context.Context, c Cluster, namespace string, p *parser) (*Seen, error) {
	s := &Seen{}
	secret, err := c.Secret(ctx, SecretName)
	switch {
	case apierrors.IsNotFound(err):
		s.DesiredError = fmt.Errorf("the Secret %s/%s does not exist: make it with controlplane authority create", namespace, SecretName)
	case err != nil:
		return nil, fmt.Errorf("read the Secret %s/%s: %w", namespace, SecretName, err)
	default:
		s.Secret = secret
		s.Desired, s.DesiredError = p.parse(authority.FilesOf(secret.Data))
	}
	if s.stored, err = readState(ctx, c, namespace); err != nil {
		return nil, err
	}
	s.State = s.stored.State
	s.InUse, s.InUseError = p.parse(s.State.InUse)
	return s, s.readBundle(ctx, c)
}

func readState(ctx context.Context, c Cluster, namespace string) (storedState, error) {
	secret, err := c.Secret(ctx, StateName)
	if apierrors.IsNotFound(err) {
		return storedState{}, nil
	}
	if err != nil {
		return storedState{}, fmt.Errorf("read the Secret %s/%s: %w", namespace, StateName, err)
	}
	state, err := authority.DecodeState(secret.Data)
	if err != nil {
		// Without it the signer does not know which roots are needed, so it signs nothing new.
		return storedState{}, fmt.Errorf("the Secret %s/%s is damaged; restore it, or delete it, and published roots stay for %s: %w",
			namespace, StateName, authority.MaxLifetime, err)
	}
	return storedState{state, secret}, nil
}

func (s *Seen) readBundle(ctx context.Context, c Cluster) error {
	bundle, err := c.Bundle(ctx)
	if apierrors.IsNotFound(err) {
		s.Bundle, s.Roots = nil, nil
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the ClusterTrustBundle %s: %w", BundleName, err)
	}
	s.Bundle = bundle
	s.Roots, err = authority.Decode([]byte(bundle.Spec.TrustBundle))
	if err != nil {
		s.Roots = nil // It is written again as a whole.
	}
	return nil
}

// Decide returns what the signer would do now.
func (s *Seen) Decide(now time.Time, waits authority.Waits) authority.Decision {
	return authority.Decide(authority.Facts{
		Now: now, Waits: waits, Desired: s.Desired, InUse: s.InUse, State: s.State, Bundle: s.Roots,
	})
}

// Problem returns why the desired authority cannot be used, or will not; nil if it can.
func (s *Seen) Problem(now time.Time) error {
	if s.DesiredError != nil {
		return s.DesiredError
	}
	return s.Desired.Usable(now)
}

// apply records the State of a decision, and publishes its roots. It reports whether it has written: then another
// decision is due. The State is recorded first: what it does not have is not published, and what the bundle does not have
// yet does not count as published.
func (k *keeper) apply(ctx context.Context, seen *Seen, d authority.Decision) (changed bool, err error) {
	if !reflect.DeepEqual(encoded(d.State), encoded(seen.State)) {
		if err := k.record(ctx, seen, d.State); err != nil {
			return false, err
		}
		changed = true
	}
	if len(d.State.Roots) == 0 || sameRoots(d.Bundle(), seen.Roots) {
		return changed, nil
	}
	bundle := &certificatesv1.ClusterTrustBundle{ObjectMeta: metav1.ObjectMeta{Name: BundleName, Labels: labels()}}
	if seen.Bundle != nil {
		bundle = seen.Bundle.DeepCopy()
	}
	bundle.Spec.SignerName, bundle.Spec.TrustBundle = Name, ""
	for _, root := range d.Bundle() {
		bundle.Spec.TrustBundle += string(authority.Encode(root))
	}
	if err := k.Cluster.PutBundle(ctx, bundle); err != nil {
		return false, fmt.Errorf("write the ClusterTrustBundle %s: %w", BundleName, err)
	}
	k.Logger.Info("published roots", "bundle", BundleName, "roots", len(d.State.Roots))
	return true, seen.readBundle(ctx, k.Cluster)
}

// record writes the State of a decision.
func (k *keeper) record(ctx context.Context, seen *Seen, state authority.State) (err error) {
	if seen.stored, err = k.store(ctx, seen.stored, state); err != nil {
		return err
	}
	seen.State = state
	seen.InUse, seen.InUseError = k.parser.parse(state.InUse)
	return nil
}

// store writes the State if the Secret is still the one that was read. The caller has k.writing.
func (k *keeper) store(ctx context.Context, before storedState, state authority.State) (storedState, error) {
	data, err := state.Encode()
	if err != nil {
		return before, err
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: StateName, Namespace: k.Namespace, Labels: labels()}, Type: stateType}
	if before.secret != nil {
		secret = before.secret.DeepCopy()
	}
	secret.Data = data
	written, err := k.Cluster.PutSecret(ctx, secret)
	if err != nil {
		return before, fmt.Errorf("write the Secret %s/%s: %w", k.Namespace, StateName, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stored = storedState{state, written}
	return k.stored, nil
}

// labels are on what the signer creates.
func labels() map[string]string { return map[string]string{"app.kubernetes.io/part-of": "mizzen"} }

// encoded returns a State as it is stored, so that two can be compared.
func encoded(s authority.State) map[string][]byte {
	data, err := s.Encode()
	if err != nil {
		return nil
	}
	return data
}

// sameRoots compares roots without their order.
func sameRoots(a, b []*x509.Certificate) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(c *x509.Certificate) bool { return !slices.ContainsFunc(b, c.Equal) })
}
