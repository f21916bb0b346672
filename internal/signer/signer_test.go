package signer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/mizzen-mesh/mizzen/internal/authority"
)

// pass lets time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

const century = 100 * 365 * 24 * time.Hour

func TestIssue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.setAuthority(newFiles(t, century))
		early := r.ask("early", nil)
		leader := r.start("a")
		pass(time.Second)
		follower := r.start("b")
		pass(time.Second)
		short := int32(7200)
		name := r.ask("one", func(r *certificatesv1.PodCertificateRequest) { r.Spec.MaxExpirationSeconds = &short })
		pass(time.Second)
		for name, life := range map[types.NamespacedName]time.Duration{early: 24 * time.Hour, name: 2 * time.Hour} {
			s := r.answer(name)
			if got := r.says(name); got != issued {
				t.Fatalf("got %q, want it issued", got)
			}
			c := r.verify(r.requests[name])
			if got := c.URIs[0].String(); got != "spiffe://cluster.local/ns/shop/sa/cart" {
				t.Errorf("got %s", got)
			}
			if got := c.NotAfter.Sub(c.NotBefore); got != life || !s.NotAfter.Time.Equal(c.NotAfter) || !s.NotBefore.Time.Equal(c.NotBefore) ||
				s.BeginRefreshAt.Sub(c.NotBefore) != life/2 {
				t.Errorf("got a life of %v, and %v %v %v", got, s.NotBefore, s.BeginRefreshAt, s.NotAfter)
			}
		}
		for name, want := range map[string][2]float64{
			"mizzen_signer_leader": {1, 0}, "mizzen_signer_signing": {1, 0}, "mizzen_signer_pending_requests": {0, 0}, "mizzen_signer_authority_unusable": {0, 0},
			`mizzen_signer_requests_total{result="issued"}`: {2, 0}, `mizzen_signer_rotation_step{step="none"}`: {1, 1}, `mizzen_signer_failures_total{what="answer"}`: {0, 0},
		} {
			if got := [2]float64{leader.metric(t, name), follower.metric(t, name)}; got != want {
				t.Errorf("%s: got %v of leader and follower, want %v", name, got, want)
			}
		}
		if r.bundles != 1 {
			t.Errorf("the bundle was written %d times, want once", r.bundles)
		}
		leader.end()
		after := r.ask("after", nil)
		pass(10 * time.Second)
		if got := r.says(after); got != issued {
			t.Errorf("after a change of the leader: got %q, want it issued", got)
		}
	})
}

// TestRefusals: a request that cannot be answered with a certificate gets its reason, and others are not affected.
func TestRefusals(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	forged := append([]byte{}, stub()...)
	forged[len(forged)-1] ^= 1
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.setAuthority(newFiles(t, century))
		leader := r.start("a")
		pass(time.Second)
		tests := map[string]struct {
			edit          func(*certificatesv1.PodCertificateRequest)
			want, message string
		}{
			"annotations": {func(r *certificatesv1.PodCertificateRequest) {
				r.Spec.UnverifiedUserAnnotations = map[string]string{"example.org/b": "x", "example.org/a": "y"}
			}, "Denied InvalidUnverifiedUserAnnotations", "remove example.org/a, example.org/b from"},
			"rsa":     {func(r *certificatesv1.PodCertificateRequest) { r.Spec.StubPKCS10Request = stubOf(rsaKey) }, "Denied UnsupportedKeyType", "the key is RSA3072; set keyType: ECDSAP256"},
			"p384":    {func(r *certificatesv1.PodCertificateRequest) { r.Spec.StubPKCS10Request = stubOf(p384) }, "Denied UnsupportedKeyType", "the key is ECDSAP384"},
			"empty":   {func(r *certificatesv1.PodCertificateRequest) { r.Spec.StubPKCS10Request = nil }, "Failed InvalidRequest", "cannot be read"},
			"forged":  {func(r *certificatesv1.PodCertificateRequest) { r.Spec.StubPKCS10Request = forged }, "Failed InvalidRequest", "is not signed with its key"},
			"account": {func(r *certificatesv1.PodCertificateRequest) { r.Spec.ServiceAccountName = "cart/../admin" }, "Failed InvalidRequest", `spec.serviceAccountName "cart/../admin" is not a name`},
			"good":    {func(*certificatesv1.PodCertificateRequest) {}, issued, "The certificate is for spiffe://cluster.local/ns/shop/sa/cart"},
		}
		names := map[string]types.NamespacedName{}
		for name, test := range tests {
			names[name] = r.ask(name, test.edit)
		}
		pass(time.Second)
		for name, test := range tests {
			s := r.answer(names[name])
			if got := r.says(names[name]); got != test.want || !strings.Contains(s.Conditions[0].Message, test.message) {
				t.Errorf("%s: got %q, %v, want %q and %q", name, got, s.Conditions, test.want, test.message)
			}
			if (s.CertificateChain != "") != (name == "good") {
				t.Errorf("%s: got certificates %q", name, s.CertificateChain)
			}
		}
		for result, want := range map[string]float64{"issued": 1, "denied": 3, "failed": 3} {
			if got := leader.metric(t, fmt.Sprintf("mizzen_signer_requests_total{result=%q}", result)); got != want {
				t.Errorf("%s: got %v, want %v", result, got, want)
			}
		}
	})
}

// TestUnusableAuthority: with an authority that cannot be used requests wait, and it is reported once. With a good one
// in use, signing goes on.
func TestUnusableAuthority(t *testing.T) {
	for name, test := range map[string]struct {
		files func(t *testing.T) map[string][]byte
		want  string
	}{
		"missing": {func(*testing.T) map[string][]byte { return nil }, "the Secret mizzen-system/mizzen-workload-authority does not exist: make it with controlplane authority create"},
		"empty":   {func(*testing.T) map[string][]byte { return map[string][]byte{} }, "tls.crt has no certificate"},
		"the key of another": {func(t *testing.T) map[string][]byte {
			files := maps.Clone(newFiles(t, century))
			files[authority.PrivateKeyKey] = newFiles(t, century)[authority.PrivateKeyKey]
			return files
		}, "tls.key does not fit tls.crt"},
		"another trust domain": {func(t *testing.T) map[string][]byte {
			files, err := authority.Create("example.org", time.Now(), century)
			if err != nil {
				t.Fatal(err)
			}
			return files
		}, `tls.crt is for the trust domain \"example.org\"`},
		"expired": {func(t *testing.T) map[string][]byte {
			files, err := authority.Create(domain, time.Now().Add(-100*time.Hour), 50*time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			return files
		}, "the authority has expired at"},
		"about to expire": {func(t *testing.T) map[string][]byte { return newFiles(t, time.Hour) }, "no leaf can live less than 1h0m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.setAuthority(test.files(t))
				leader := r.start("a")
				waiting := r.ask("waiting", nil)
				pass(5 * time.Minute)
				if got := r.says(waiting); got != "" {
					t.Errorf("got %q, want no answer", got)
				}
				for name, want := range map[string]float64{"mizzen_signer_signing": 0, "mizzen_signer_authority_unusable": 1, "mizzen_signer_pending_requests": 1, "mizzen_signer_oldest_request_seconds": 300} {
					if got := leader.metric(t, name); got != want {
						t.Errorf("%s: got %v, want %v", name, got, want)
					}
				}
				if n := strings.Count(leader.log.String(), test.want); n != 1 {
					t.Errorf("got %d lines with %q, want one:\n%s", n, test.want, leader.log)
				}
				events := r.events(t)
				if len(events) != 1 || !strings.Contains(events[0], strings.ReplaceAll(test.want, `\"`, `"`)) {
					t.Errorf("got Events %q, want one with %q", events, test.want)
				}
				r.setAuthority(newFiles(t, century))
				pass(5*time.Minute + interval) // another root may be in pods
				if got := r.says(waiting); got != issued {
					t.Errorf("with another authority: got %q, want it issued\n%s", got, leader.log)
				}
				r.setAuthority(test.files(t))
				pass(time.Minute)
				later := r.ask("later", nil)
				pass(time.Second)
				if got := r.says(later); got != issued {
					t.Errorf("with a good one in use: got %q, want it issued\n%s", got, leader.log)
				}
				if got := leader.metric(t, "mizzen_signer_authority_unusable"); got != 1 {
					t.Errorf("got %v as unusable, want 1", got)
				}
			})
		})
	}
}

// events returns the notes of all Events.
func (r *rig) events(t *testing.T) (notes []string) {
	t.Helper()
	events := schema.GroupVersionResource{Group: "events.k8s.io", Version: "v1", Resource: "events"}
	list, err := r.dynamic.Resource(events).Namespace(home).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list.Items {
		note, _ := e.Object["note"].(string)
		notes = append(notes, note)
	}
	return notes
}

// TestRotationByReplicas rotates with leaders that end at every step. A certificate is issued every few minutes; the fake
// checks each.
func TestRotationByReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		old, next := newFiles(t, century), newFiles(t, century)
		r.setAuthority(old)
		brief := func(o *Options) { o.Lifetime = 2 * time.Hour }
		running := r.start("0", brief)
		pass(time.Second)
		n := 0
		// signs waits for a while, and returns who signs then.
		signs := func(d time.Duration) string {
			t.Helper()
			pass(d)
			n++
			name := r.ask(fmt.Sprint("r", n), nil)
			pass(time.Minute)
			text := r.answer(name).CertificateChain
			if text == "" {
				t.Fatalf("request %d is not answered:\n%s", n, running.log)
			}
			leaf, err := authority.Decode([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			for who, files := range map[string]authority.Files{"old": old, "next": next} {
				if by, err := authority.Decode(files[authority.CertificateKey]); err == nil && leaf[0].CheckSignatureFrom(by[0]) == nil {
					return who
				}
			}
			return "none"
		}
		replace := func() {
			end := running.end
			running = r.start(fmt.Sprint(n+1), brief)
			pass(time.Second)
			end()
			pass(5 * time.Second)
		}
		check := func(when, who, want string, roots int) {
			t.Helper()
			if who != want || r.roots() != roots {
				t.Errorf("%s: %s signs, and %d roots are published, want %s and %d", when, who, r.roots(), want, roots)
			}
		}
		check("before", signs(0), "old", 1)
		r.setAuthority(next)
		check("published", signs(2*time.Minute), "old", 2)
		replace()
		check("published, by another replica", signs(0), "old", 2)
		check("signed with the next", signs(2*time.Minute), "next", 2)
		replace()
		for range 5 {
			check("retired", signs(30*time.Minute), "next", 2)
		}
		replace()
		check("at the end", signs(2*time.Hour), "next", 1)
		if got := running.metric(t, `mizzen_signer_rotation_step{step="none"}`); got != 1 {
			t.Errorf("the rotation is not complete:\n%s", running.log)
		}
	})
}

// TestFailures: the API server fails for a while, in each of the requests; everything is answered afterwards.
func TestFailures(t *testing.T) {
	gone := errors.New("connection refused")
	conflict := apierrors.NewConflict(resourceOf("x"), "x", errors.New("changed"))
	for _, verb := range []string{"get", "list", "put secret", "put bundle", "put status"} {
		for kind, err := range map[string]error{"gone": gone, "conflict": conflict} {
			t.Run(verb+" "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t)
					r.setFail(func(v string) error {
						if v == verb {
							return err
						}
						return nil
					})
					r.setAuthority(newFiles(t, century))
					leader := r.start("a")
					name := r.ask("one", nil)
					pass(5 * time.Minute)
					if got := r.says(name); got != "" {
						t.Errorf("got %q, want no answer", got)
					}
					if n := strings.Count(leader.log.String(), "level=WARN"); n > 1 {
						t.Errorf("got %d warnings, want at most one:\n%s", n, leader.log)
					}
					r.setFail(nil)
					pass(retryLast + interval)
					if got := r.says(name); got != issued {
						t.Errorf("got %q, want it issued:\n%s", got, leader.log)
					}
				})
			})
		}
	}
}

// TestStateOfAnother: a replica that does not know that another has changed the State does not sign by its own.
func TestStateOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.setAuthority(newFiles(t, century))
		leader := r.start("a")
		pass(time.Second)
		secret, err := r.Secret(t.Context(), StateName)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.PutSecret(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
		name := r.ask("one", nil) // The life of the leaf is not recorded yet, and the leader's version is old.
		synctest.Wait()
		if got := leader.metric(t, `mizzen_signer_failures_total{what="answer"}`); got != 0 {
			t.Errorf("a conflict counts as a failure")
		}
		pass(time.Second)
		if got := r.says(name); got != issued {
			t.Errorf("got %q, want it issued after the State was read again:\n%s", got, leader.log)
		}
	})
}

// TestDamagedState: without a State that can be read nothing is signed.
func TestDamagedState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.setAuthority(newFiles(t, century))
		first := r.start("a")
		pass(time.Second)
		first.end()
		r.mu.Lock()
		r.secrets[StateName].Data["roots.json"] = []byte("{")
		r.secrets[StateName].ResourceVersion = r.next()
		r.mu.Unlock()
		second := r.start("b")
		name := r.ask("one", nil)
		pass(time.Minute)
		if got := r.says(name); got != "" || !strings.Contains(second.log.String(), "mizzen-workload-authority-state is damaged; restore it, or delete it") {
			t.Errorf("got %q, want no answer and the reason:\n%s", got, second.log)
		}
		r.mu.Lock()
		delete(r.secrets, StateName)
		r.mu.Unlock()
		pass(6 * time.Minute)
		if got := r.says(name); got != issued {
			t.Errorf("got %q, want it issued after the State was deleted:\n%s", got, second.log)
		}
	})
}

// TestAuthorityFollowsAnExpiredOne: a request that came between the end of an authority and the next one is answered.
func TestAuthorityFollowsAnExpiredOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.setAuthority(newFiles(t, 4*time.Hour+5*time.Second)) // It signs for an hour less, until between two reconciliations.
		leader := r.start("a")
		pass(time.Hour)
		first := r.ask("first", nil)
		pass(2*time.Hour + 5*time.Second - 5*time.Minute - time.Second) // five minutes and a second until then
		r.setAuthority(newFiles(t, century))
		pass(5 * time.Minute)
		// The next one may sign now or within a moment; requests come all the time.
		var names []types.NamespacedName
		for i := range 60 {
			names = append(names, r.ask(fmt.Sprint("r", i), nil))
			pass(500 * time.Millisecond)
		}
		pass(interval)
		for _, name := range append(names, first) {
			if got := r.says(name); got != issued {
				t.Fatalf("%s: got %q, want it issued:\n%s", name, got, leader.log)
			}
		}
	})
}

// TestManyRequests: all are answered, a bounded number at once.
func TestManyRequests(t *testing.T) {
	const n, workers = 2000, 8
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.delay = 10 * time.Millisecond
		r.setAuthority(newFiles(t, century))
		leader := r.start("a", func(o *Options) { o.Workers = workers })
		pass(time.Second)
		for i := range n {
			r.ask(fmt.Sprint("r", i), nil)
			if i%50 == 0 {
				synctest.Wait() // A fake watch has room for a hundred.
			}
		}
		pass(n * r.delay / workers * 2)
		if got := leader.metric(t, `mizzen_signer_requests_total{result="issued"}`); got != n {
			t.Errorf("got %v, want %d issued", got, n)
		}
		if got := leader.metric(t, "mizzen_signer_pending_requests"); got != 0 {
			t.Errorf("got %v without an answer, want 0", got)
		}
		if got := r.atOnce.Load(); got != workers {
			t.Errorf("got %d at once, want %d", got, workers)
		}
	})
}

// BenchmarkIssue is what a thousand certificates cost the signer, without the requests to the API server.
func BenchmarkIssue(b *testing.B) {
	const certificates = 1000
	files, err := authority.Create(domain, time.Now(), century)
	if err != nil {
		b.Fatal(err)
	}
	a, err := authority.Parse(files, domain)
	if err != nil {
		b.Fatal(err)
	}
	s := New(Options{Cluster: newFake(nil), Lifetime: 24 * time.Hour, Workers: 1, TrustDomain: domain, Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	defer s.requests.queue.ShutDown()
	s.keeper.signing = a
	s.keeper.stored.State = authority.State{Roots: []authority.Root{{Certificate: a.Roots[0]}}}.Allow(a, time.Now().Add(century))
	r := &certificatesv1.PodCertificateRequest{Spec: certificatesv1.PodCertificateRequestSpec{ServiceAccountName: "cart", StubPKCS10Request: stub()}}
	r.Namespace = "shop"
	for b.Loop() {
		for range certificates {
			if _, result, err := s.answerer.decide(b.Context(), r); err != nil || result != resultIssued {
				b.Fatal(result, err)
			}
		}
	}
}
