package signer

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/watch"
	dynamicfake "k8s.io/client-go/dynamic/fake"

	"github.com/mizzen-mesh/mizzen/internal/authority"
)

const (
	home   = "mizzen-system"
	domain = "cluster.local"
)

// TestMain removes client-go's handlers of errors, one of which sleeps by a time that it took outside of the bubbles of
// synctest.
func TestMain(m *testing.M) {
	utilruntime.ErrorHandlers = nil
	m.Run()
}

// fake is a Cluster in memory. It keeps the rules of the API server on which the signer relies: versions conflict, an
// answer is final, and what is written has another version.
type fake struct {
	t *testing.T

	mu       sync.Mutex
	version  int
	secrets  map[string]*corev1.Secret
	bundle   *certificatesv1.ClusterTrustBundle
	requests map[types.NamespacedName]*certificatesv1.PodCertificateRequest
	watches  map[*watch.RaceFreeFakeWatcher]bool
	// fail may let a write fail: by its verb.
	fail func(verb string) error
	// delay is how long each write of an answer takes.
	delay           time.Duration
	writing, atOnce atomic.Int32
	// bundles counts the bundles that were written.
	bundles int
}

func newFake(t *testing.T) *fake {
	return &fake{
		t: t, secrets: map[string]*corev1.Secret{}, requests: map[types.NamespacedName]*certificatesv1.PodCertificateRequest{},
		watches: map[*watch.RaceFreeFakeWatcher]bool{},
	}
}

// IsWatchListSemanticsUnSupported makes the reflector list, then watch.
func (*fake) IsWatchListSemanticsUnSupported() bool { return true }

func resourceOf(name string) schema.GroupResource { return schema.GroupResource{Resource: name} }

// next is the next resource version. The caller has mu.
func (f *fake) next() string {
	f.version++
	return strconv.Itoa(f.version)
}

func (f *fake) failing(verb string) error {
	if f.fail == nil {
		return nil
	}
	return f.fail(verb)
}

func (f *fake) setFail(fail func(verb string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

func (f *fake) Secret(_ context.Context, name string) (*corev1.Secret, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failing("get"); err != nil {
		return nil, err
	}
	if f.secrets[name] == nil {
		return nil, apierrors.NewNotFound(resourceOf("secrets"), name)
	}
	return f.secrets[name].DeepCopy(), nil
}

func (f *fake) PutSecret(_ context.Context, s *corev1.Secret) (*corev1.Secret, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failing("put secret"); err != nil {
		return nil, err
	}
	switch before := f.secrets[s.Name]; {
	case before == nil && s.ResourceVersion != "":
		return nil, apierrors.NewNotFound(resourceOf("secrets"), s.Name)
	case before != nil && s.ResourceVersion == "":
		return nil, apierrors.NewAlreadyExists(resourceOf("secrets"), s.Name)
	case before != nil && s.ResourceVersion != before.ResourceVersion:
		return nil, apierrors.NewConflict(resourceOf("secrets"), s.Name, io.ErrNoProgress)
	}
	written := s.DeepCopy()
	written.ResourceVersion = f.next()
	f.secrets[s.Name] = written
	return written.DeepCopy(), nil
}

func (f *fake) Bundle(context.Context) (*certificatesv1.ClusterTrustBundle, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bundle == nil {
		return nil, apierrors.NewNotFound(resourceOf("clustertrustbundles"), BundleName)
	}
	return f.bundle.DeepCopy(), nil
}

func (f *fake) PutBundle(_ context.Context, b *certificatesv1.ClusterTrustBundle) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failing("put bundle"); err != nil {
		return err
	}
	if f.bundle != nil && f.bundle.ResourceVersion != b.ResourceVersion {
		return apierrors.NewConflict(resourceOf("clustertrustbundles"), BundleName, io.ErrNoProgress)
	}
	f.bundle = b.DeepCopy()
	f.bundle.ResourceVersion = f.next()
	f.bundles++
	return nil
}

func (f *fake) ListRequests(context.Context, metav1.ListOptions) (runtime.Object, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failing("list"); err != nil {
		return nil, err
	}
	list := &certificatesv1.PodCertificateRequestList{ListMeta: metav1.ListMeta{ResourceVersion: f.next()}}
	for _, r := range f.requests {
		list.Items = append(list.Items, *r.DeepCopy())
	}
	return list, nil
}

// WatchRequests begins with what has changed since the version that was listed, as the API server does.
func (f *fake) WatchRequests(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	since, err := strconv.Atoi(o.ResourceVersion)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	w := watch.NewRaceFreeFake()
	for _, r := range f.requests {
		if version, _ := strconv.Atoi(r.ResourceVersion); version > since {
			w.Add(r.DeepCopy())
		}
	}
	f.watches[w] = true
	context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.watches, w)
	})
	return w, nil
}

func (f *fake) PutStatus(_ context.Context, r *certificatesv1.PodCertificateRequest) error {
	f.atOnce.Store(max(f.atOnce.Load(), f.writing.Add(1)))
	defer f.writing.Add(-1)
	if f.delay > 0 {
		<-time.After(f.delay)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failing("put status"); err != nil {
		return err
	}
	before := f.requests[nameOf(r)]
	switch {
	case before == nil:
		return apierrors.NewNotFound(resourceOf("podcertificaterequests"), r.Name)
	case before.ResourceVersion != r.ResourceVersion:
		return apierrors.NewConflict(resourceOf("podcertificaterequests"), r.Name, io.ErrNoProgress)
	case answered(before):
		f.t.Errorf("%s was answered before", nameOf(r))
	}
	f.recorded(r)
	after := r.DeepCopy()
	after.ResourceVersion = f.next()
	f.requests[nameOf(r)] = after
	for w := range f.watches {
		w.Modify(after.DeepCopy())
	}
	return nil
}

// recorded checks what must be true of every leaf: the State states that leaves live for so long, and the root is
// published. The caller has mu.
func (f *fake) recorded(r *certificatesv1.PodCertificateRequest) {
	if r.Status.CertificateChain == "" {
		return
	}
	state, err := authority.DecodeState(f.secrets[StateName].Data)
	if err != nil {
		f.t.Error(err)
	}
	leaf := f.verify(r)
	for _, root := range state.Roots {
		if leaf.CheckSignatureFrom(root.Certificate) == nil && root.LeavesUntil.Before(leaf.NotAfter) {
			f.t.Errorf("%s: a leaf lives until %s, and the State records %s", nameOf(r), leaf.NotAfter, root.LeavesUntil)
		}
	}
}

// verify checks the certificate of a request by the bundle, and returns it. The caller has mu.
func (f *fake) verify(r *certificatesv1.PodCertificateRequest) *x509.Certificate {
	chain, err := authority.Decode([]byte(r.Status.CertificateChain))
	if err != nil {
		f.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(f.bundle.Spec.TrustBundle))
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, CurrentTime: time.Now()}); err != nil {
		f.t.Errorf("%s: %v", nameOf(r), err)
	}
	return chain[0]
}

// setAuthority puts an authority into the Secret; nil deletes it.
func (f *fake) setAuthority(data map[string][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if data == nil {
		delete(f.secrets, SecretName)
		return
	}
	f.secrets[SecretName] = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: SecretName, ResourceVersion: f.next(), UID: "authority"}, Data: data}
}

// ask makes a request. edit may change it.
func (f *fake) ask(name string, edit func(*certificatesv1.PodCertificateRequest)) types.NamespacedName {
	seconds := int32(86400)
	r := &certificatesv1.PodCertificateRequest{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name), CreationTimestamp: metav1.Now()},
		Spec: certificatesv1.PodCertificateRequestSpec{
			SignerName: Name, PodName: "pod-" + name, ServiceAccountName: "cart", MaxExpirationSeconds: &seconds, StubPKCS10Request: stub(),
		},
	}
	if edit != nil {
		edit(r)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r.ResourceVersion = f.next()
	f.requests[nameOf(r)] = r
	for w := range f.watches {
		w.Add(r.DeepCopy())
	}
	return nameOf(r)
}

// answer returns the answer to a request.
func (f *fake) answer(name types.NamespacedName) certificatesv1.PodCertificateRequestStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[name].Status
}

// issued is what says returns for a certificate.
const issued = certificatesv1.PodCertificateRequestConditionTypeIssued + " " + reasonIssued

// says returns an answer as text: the type and reason of its condition; empty if there is none yet.
func (f *fake) says(name types.NamespacedName) string {
	for _, c := range f.answer(name).Conditions {
		return c.Type + " " + c.Reason
	}
	return ""
}

// roots counts the roots in the bundle.
func (f *fake) roots() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bundle == nil {
		return 0
	}
	all, err := authority.Decode([]byte(f.bundle.Spec.TrustBundle))
	if err != nil {
		f.t.Fatal(err)
	}
	return len(all)
}

// stub is a request of the kubelet: one key for all, since keys are not the subject.
var stub = sync.OnceValue(func() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return stubOf(key)
})

func stubOf(key any) []byte {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		panic(err)
	}
	return der
}

// newFiles are an authority that begins now.
func newFiles(t *testing.T, lifetime time.Duration) authority.Files {
	t.Helper()
	files, err := authority.Create(domain, time.Now(), lifetime)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// replica is a running Signer.
type replica struct {
	*Signer

	log      *bytes.Buffer
	registry *prometheus.Registry
	// end stops it in order.
	end func()
}

// rig are replicas that share a cluster.
type rig struct {
	*fake

	dynamic *dynamicfake.FakeDynamicClient
}

func newRig(t *testing.T) *rig {
	t.Helper()
	events := schema.GroupVersionResource{Group: "events.k8s.io", Version: "v1", Resource: "events"}
	return &rig{newFake(t), dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{events: "EventList"})}
}

// start runs a replica until the test ends.
func (r *rig) start(name string, edit ...func(*Options)) *replica {
	r.t.Helper()
	log := &bytes.Buffer{}
	registry := prometheus.NewRegistry()
	o := Options{
		Cluster: r.fake, Dynamic: r.dynamic, Namespace: home, LeaseName: "mizzen-signer", Identity: name, TrustDomain: domain,
		Lifetime: 24 * time.Hour, Waits: authority.Waits{Publish: 5 * time.Minute, Retire: time.Hour}, Workers: 4,
		Logger: slog.New(slog.NewTextHandler(log, nil)), Registry: registry,
	}
	for _, e := range edit {
		e(&o)
	}
	s := New(o)
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	end := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
	r.t.Cleanup(end)
	return &replica{s, log, registry, end}
}

// metric returns the value of a metric, whose labels are part of its name: `name{label="value"}`.
func (r *replica) metric(t *testing.T, name string) float64 {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			full := family.GetName()
			for _, l := range m.GetLabel() {
				full += fmt.Sprintf("{%s=%q}", l.GetName(), l.GetValue())
			}
			if full == name {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}
