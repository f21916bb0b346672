package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

const (
	issuer   = "https://kubernetes.default.svc.cluster.local"
	audience = "mizzen.dev"
	domain   = "cluster.local"
)

var web = &mesh.Pod{
	Ref: mesh.Ref{Kind: "Pod", Namespace: "shop", Name: "web-0"}, UID: "u-1", ServiceAccount: "web", Node: "node-1",
	Labels: mesh.MakeLabels(map[string]string{"app": "web"}), Locality: mesh.Locality{Region: "r", Zone: "a"}, Addresses: []string{"10.1.0.7"},
}

type pods map[string]*mesh.Pod

func (p pods) PodByName(cluster, namespace, name string) (*mesh.Pod, bool) {
	pod, ok := p[mesh.PodKey(cluster, namespace, name)]
	return pod, ok
}

func (p pods) PodByAddress(ip string) (*mesh.Pod, bool) {
	pod, ok := p[ip]
	return pod, ok
}

func (p pods) WorkloadAt(namespace, account, ip string) (*mesh.Pod, bool) {
	pod, ok := p[mesh.WorkloadKey(namespace, account, ip)]
	return pod, ok
}

// vm is a machine outside of Kubernetes.
var vm = &mesh.Pod{
	Ref: mesh.Ref{Kind: "WorkloadEntry", Namespace: "shop", Name: "vm-1"}, ServiceAccount: "web", Labels: mesh.MakeLabels(map[string]string{"app": "web"}), Addresses: []string{"192.0.2.7"},
}

// apiServer signs tokens and serves its keys.
type apiServer struct {
	t       *testing.T
	keys    map[string]*ecdsa.PrivateKey
	fetches int
	down    bool
}

func newAPIServer(t *testing.T, keys ...string) *apiServer {
	s := &apiServer{t: t, keys: map[string]*ecdsa.PrivateKey{}}
	for _, id := range keys {
		s.addKey(id)
	}
	return s
}

func (s *apiServer) addKey(id string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	s.keys[id] = key
}

func (s *apiServer) fetch(_ context.Context, path string) ([]byte, error) {
	s.fetches++
	if s.down {
		return nil, errors.New("connection refused")
	}
	if path == issuerPath {
		return json.Marshal(map[string]string{"issuer": issuer, "jwks_uri": "https://10.0.0.1/openid/v1/jwks"})
	}
	var set jose.JSONWebKeySet
	for id, key := range s.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: id, Algorithm: string(jose.ES256), Use: "sig"})
	}
	return json.Marshal(set)
}

// token returns a token for the pod web-0, as an API server makes it, with the edits applied.
func (s *apiServer) token(keyID string, edits ...func(*jwt.Claims, map[string]any)) string {
	key := s.keys[keyID]
	if key == nil {
		// A claim that others add.
		key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	claims := jwt.Claims{Issuer: issuer, Audience: jwt.Audience{audience}, Subject: "system:serviceaccount:shop:web", Expiry: jwt.NewNumericDate(time.Now().Add(time.Hour))}
	kubernetes := map[string]any{
		"namespace": "shop", "serviceaccount": map[string]any{"name": "web", "uid": "s-1"}, "pod": map[string]any{"name": "web-0", "uid": "u-1"},
	}
	for _, edit := range edits {
		edit(&claims, kubernetes)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: keyID}}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Claims(map[string]any{"kubernetes.io": kubernetes}).Serialize()
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// call describes a connection: its address, and what the client sends.
type call struct {
	address string
	secure  bool
	uri     string
	token   string
}

func (c call) context(t *testing.T) context.Context {
	p := &peer.Peer{Addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.address + ":40000"))}
	if c.secure {
		info := credentials.TLSInfo{}
		if c.uri != "" {
			uri, err := url.Parse(c.uri)
			if err != nil {
				t.Fatal(err)
			}
			info.State = tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{URIs: []*url.URL{uri}, NotAfter: time.Now().Add(time.Hour)}}}}
		}
		p.AuthInfo = info
	}
	ctx := peer.NewContext(t.Context(), p)
	if c.token != "" {
		ctx = metadata.NewIncomingContext(ctx, metadata.Pairs("authorization", "Bearer "+c.token))
	}
	return ctx
}

func TestIdentify(t *testing.T) {
	server := newAPIServer(t, "k1")
	edit := func(f func(*jwt.Claims, map[string]any)) string { return server.token("k1", f) }
	known := pods{"shop/web-0": web, "10.1.0.7": web, mesh.WorkloadKey("shop", "web", "192.0.2.7"): vm}
	const spiffe = "spiffe://cluster.local/ns/shop/sa/web"
	tests := map[string]struct {
		call    call
		believe bool
		want    string // proof and name, or a part of the error
	}{
		"token over TLS":                  {call{"10.9.9.9", true, "", server.token("k1")}, false, "token pod/shop/web-0"},
		"token beats address":             {call{"10.1.0.7", true, "", server.token("k1")}, false, "token pod/shop/web-0"},
		"token over plaintext":            {call{"10.1.0.7", false, "", server.token("k1")}, false, "unencrypted"},
		"token of another audience":       {call{"10.1.0.7", true, "", edit(func(c *jwt.Claims, _ map[string]any) { c.Audience = jwt.Audience{"vault"} })}, false, `request one with the audience "mizzen.dev"`},
		"token expired":                   {call{"10.1.0.7", true, "", edit(func(c *jwt.Claims, _ map[string]any) { c.Expiry = jwt.NewNumericDate(time.Now().Add(-time.Minute)) })}, false, "expired at"},
		"token that never expires":        {call{"10.1.0.7", true, "", edit(func(c *jwt.Claims, _ map[string]any) { c.Expiry = nil })}, false, "never expires"},
		"token of another issuer":         {call{"10.1.0.7", true, "", edit(func(c *jwt.Claims, _ map[string]any) { c.Issuer = "https://evil" })}, false, "does not hold"},
		"token of a pod of the same name": {call{"10.1.0.7", true, "", edit(func(_ *jwt.Claims, k map[string]any) { k["pod"] = map[string]any{"name": "web-0", "uid": "u-0"} })}, false, "does not exist"},
		"token of a pod that is gone":     {call{"10.1.0.7", true, "", edit(func(_ *jwt.Claims, k map[string]any) { k["pod"] = map[string]any{"name": "old", "uid": "u-9"} })}, false, "shop/old"},
		"token bound to no pod":           {call{"10.1.0.7", true, "", edit(func(_ *jwt.Claims, k map[string]any) { delete(k, "pod") })}, false, "bound to no pod"},
		"token of a machine":              {call{"192.0.2.7", true, "", edit(func(_ *jwt.Claims, k map[string]any) { delete(k, "pod") })}, false, "token workloadentry/shop/vm-1"},
		"token of a machine, elsewhere":   {call{"192.0.2.8", true, "", edit(func(_ *jwt.Claims, k map[string]any) { delete(k, "pod") })}, false, "create a WorkloadEntry"},
		"token of another account": {call{"192.0.2.7", true, "", edit(func(_ *jwt.Claims, k map[string]any) {
			delete(k, "pod")
			k["serviceaccount"] = map[string]any{"name": "db"}
		})}, false, "create a WorkloadEntry"},
		"token of a machine over plaintext":    {call{"192.0.2.7", false, "", edit(func(_ *jwt.Claims, k map[string]any) { delete(k, "pod") })}, false, "unencrypted"},
		"address of a machine":                 {call{"192.0.2.7", true, "", ""}, false, "has no proof"},
		"token signed by another":              {call{"10.1.0.7", true, "", newAPIServer(t, "k1").token("k1")}, false, "not signed by the API server"},
		"token signed by an unknown key":       {call{"10.1.0.7", true, "", server.token("k9")}, false, "not the API server's"},
		"no token at all":                      {call{"10.1.0.7", true, "", "x.y.z"}, false, "cannot be read"},
		"an empty token":                       {call{"10.1.0.7", true, "", " "}, false, "cannot be read"},
		"wrong token where claims are enough":  {call{"10.1.0.7", true, "", "x.y.z"}, true, "cannot be read"},
		"certificate":                          {call{"10.9.9.9", true, spiffe, ""}, false, "certificate serviceaccount/shop/web"},
		"certificate and the address of a pod": {call{"10.1.0.7", true, spiffe, ""}, false, "certificate pod/shop/web-0"},
		"certificate of another account":       {call{"10.1.0.7", true, "spiffe://cluster.local/ns/shop/sa/db", ""}, false, "certificate serviceaccount/shop/db"},
		"certificate of another domain":        {call{"10.1.0.7", true, "spiffe://elsewhere/ns/shop/sa/web", ""}, false, "--trust-domain"},
		"certificate of an alias":              {call{"10.1.0.7", true, "spiffe://b.example/ns/shop/sa/web", ""}, false, "certificate pod/shop/web-0"},
		"certificate of an alias with a query": {call{"10.1.0.7", true, "spiffe://b.example/ns/shop/sa/web?as=admin", ""}, false, "--trust-domain-aliases"},
		"certificate that is no SPIFFE id":     {call{"10.1.0.7", true, "https://cluster.local/ns/shop/sa/web", ""}, false, "expected spiffe://cluster.local/"},
		"certificate with a query":             {call{"10.9.9.9", true, spiffe + "?as=admin", ""}, false, "expected spiffe://cluster.local/"},
		"certificate with a fragment":          {call{"10.9.9.9", true, spiffe + "#admin", ""}, false, "expected spiffe://cluster.local/"},
		"certificate with a user":              {call{"10.9.9.9", true, "spiffe://me@cluster.local/ns/shop/sa/web", ""}, false, "expected spiffe://cluster.local/"},
		"certificate with an escaped slash":    {call{"10.9.9.9", true, "spiffe://cluster.local/ns%2Fshop/sa/web", ""}, false, "expected spiffe://cluster.local/"},
		"certificate with more behind it":      {call{"10.9.9.9", true, spiffe + "/", ""}, false, "expected spiffe://cluster.local/"},
		"address of a pod":                     {call{"10.1.0.7", false, "", ""}, false, "address pod/shop/web-0"},
		"mapped address of a pod":              {call{"[::ffff:10.1.0.7]", false, "", ""}, false, "address pod/shop/web-0"},
		"address of nobody":                    {call{"10.9.9.9", false, "", ""}, false, "does not belong to a pod"},
		"address of nobody, claims are enough": {call{"10.9.9.9", false, "", ""}, true, "claim "},
		"claims before the address":            {call{"10.1.0.7", false, "", ""}, true, "claim "},
	}
	now := time.Now() // when the tokens were made; the clock of run differs
	for name, test := range tests {
		run(t, name, func(t *testing.T) {
			tokens := NewTokens(NewKeys(server.fetch, ""), audience)
			tokens.now = func() time.Time { return now }
			a := New(Options{Pods: known, Tokens: tokens, TrustDomain: domain, TrustDomainAliases: []string{"b.example"}, AllowUnverified: test.believe})
			id, err := a.Identify(test.call.context(t))
			if err != nil {
				if status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want Unauthenticated with %q", err, test.want)
				}
				return
			}
			if got := string(id.Proof) + " " + id.Name(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// run runs a test in a bubble, whose clock stands still while nothing happens.
func run(t *testing.T, name string, f func(*testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// TestTokensOfClusters has clusters with one issuer, and pods with one name: the key tells whose token it is.
func TestTokensOfClusters(t *testing.T) {
	own, b, c := newAPIServer(t, "k1"), newAPIServer(t, "k2"), newAPIServer(t, "k3")
	far := *web
	far.Ref.Cluster = "b"
	known := pods{"shop/web-0": web, "shop/web-0@b": &far}
	now := time.Now() // when the tokens were made; the clock of run differs
	for name, test := range map[string]struct {
		token string
		away  bool
		want  string
	}{
		"the own cluster":                           {own.token("k1"), false, "pod/shop/web-0"},
		"a remote one":                              {b.token("k2"), false, "pod/shop/web-0@b"},
		"a remote one while the own is away":        {b.token("k2"), true, "pod/shop/web-0@b"},
		"a cluster without such a pod":              {c.token("k3"), false, "does not exist"},
		"a key of one cluster, signed by another's": {newAPIServer(t, "k2").token("k2"), false, "not signed by the API server"},
		"a cluster that is not joined":              {newAPIServer(t, "k4").token("k4"), false, "not the API server's"},
		"a cluster that was joined":                 {newAPIServer(t, "k5").token("k5"), false, "not the API server's"},
	} {
		run(t, name, func(t *testing.T) {
			tokens := NewTokens(NewKeys(own.fetch, ""), audience)
			tokens.now = func() time.Time { return now }
			for cluster, server := range map[string]*apiServer{"b": b, "c": c, "gone": newAPIServer(t, "k5")} {
				tokens.SetRemote(cluster, NewKeys(server.fetch, ""))
			}
			tokens.SetRemote("gone", nil)
			own.down = test.away
			defer func() { own.down = false }()
			id, err := New(Options{Pods: known, Tokens: tokens, TrustDomain: domain}).Identify(call{"10.9.9.9", true, "", test.token}.context(t))
			if err != nil && !strings.Contains(err.Error(), test.want) || err == nil && id.Name() != test.want {
				t.Errorf("got %q and %v, want %q", id.Name(), err, test.want)
			}
		})
	}
}

// TestPodThatCallsBeforeItIsKnown connects from a pod whose address becomes known a moment later.
func TestPodThatCallsBeforeItIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		later := &latePods{known: time.Now().Add(podLookupTimeout / 2)}
		id, err := New(Options{Pods: later, TrustDomain: domain}).Identify(call{address: "10.1.0.7"}.context(t))
		if err != nil || id.Pod != web {
			t.Errorf("got %+v, %v, want the pod", id, err)
		}
		start := time.Now()
		later.known = start.Add(2 * podLookupTimeout)
		if _, err := New(Options{Pods: later}).Identify(call{address: "10.1.0.7"}.context(t)); err == nil || time.Since(start) != podLookupTimeout {
			t.Errorf("got %v after %v, want an error after %v", err, time.Since(start), podLookupTimeout)
		}
	})
}

// TestStrangersAreNotAllWaitedFor connects more unknown clients than may wait: the excess is rejected without delay,
// and known clients are accepted.
func TestStrangersAreNotAllWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{Pods: pods{"10.1.0.7": web}})
		start := time.Now()
		took := make(chan time.Duration)
		for range maxPodLookups + 10 {
			go func() {
				if _, err := a.Identify(call{address: "10.9.9.9"}.context(t)); err == nil {
					t.Error("an unknown client is accepted")
				}
				took <- time.Since(start)
			}()
		}
		for i := range maxPodLookups + 10 {
			want := time.Duration(0)
			if i >= 10 {
				want = podLookupTimeout
			}
			if i == 10 {
				if id, err := a.Identify(call{address: "10.1.0.7"}.context(t)); err != nil || id.Pod != web || time.Since(start) != 0 {
					t.Errorf("a known client: got %+v, %v after %v", id, err, time.Since(start))
				}
			}
			if got := <-took; got != want {
				t.Fatalf("unknown client %d was rejected after %v, want %v", i, got, want)
			}
		}
	})
}

// latePods knows the pod web from a moment on.
type latePods struct{ known time.Time }

func (p *latePods) PodByName(string, string, string) (*mesh.Pod, bool) {
	return web, time.Now().After(p.known)
}

func (p *latePods) WorkloadAt(string, string, string) (*mesh.Pod, bool) { return nil, false }

func (p *latePods) PodByAddress(string) (*mesh.Pod, bool) { return web, time.Now().After(p.known) }

func TestMismatch(t *testing.T) {
	a := New(Options{Pods: pods{"10.1.0.7": web}, TrustDomain: domain})
	node := func(id string, keys ...any) *corev3.Node {
		fields := map[string]any{}
		for i := 0; i < len(keys); i += 2 {
			fields[keys[i].(string)] = keys[i+1]
		}
		m, err := structpb.NewStruct(fields)
		if err != nil {
			t.Fatal(err)
		}
		return &corev3.Node{Id: id, Metadata: m}
	}
	tests := map[string]struct {
		node *corev3.Node
		want string // a part of the error; empty for no error
	}{
		"says nothing":             {nil, ""},
		"says what is so":          {node("sidecar~10.1.0.7~web-0.shop~shop.svc.cluster.local", "NAMESPACE", "shop", "SERVICE_ACCOUNT", "web", "NODE_NAME", "node-1", "LABELS", map[string]any{"app": "web"}), ""},
		"names itself freely":      {node("anything at all"), ""},
		"another namespace":        {node("", "NAMESPACE", "bank"), `the node has NAMESPACE "bank", but the address proves "shop"`},
		"another service account":  {node("", "SERVICE_ACCOUNT", "admin"), `SERVICE_ACCOUNT "admin"`},
		"another node":             {node("", "NODE_NAME", "node-2"), `NODE_NAME "node-2"`},
		"another pod's id":         {node("sidecar~10.1.0.8~web-1.shop~shop.svc.cluster.local"), `in its id the pod "web-1"`},
		"another namespace's id":   {node("mizzen~bank~web-0"), `in its id the namespace "bank"`},
		"a label it has not":       {node("", "LABELS", map[string]any{"tier": "gold"}), `the label "tier" "gold"`},
		"a label of another value": {node("", "LABELS", map[string]any{"app": "db"}), `proves "web"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			id, err := a.Identify(call{address: "10.1.0.7"}.context(t))
			if err != nil {
				t.Fatal(err)
			}
			_, err = id.Admit(test.node, mesh.Client{})
			switch {
			case test.want == "" && err != nil:
				t.Errorf("rejected: %v", err)
			case test.want != "" && (status.Code(err) != codes.PermissionDenied || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want PermissionDenied with %q", err, test.want)
			}
		})
	}
}

func TestProofOverridesTheNode(t *testing.T) {
	claimed := mesh.Client{Namespace: "bank", Node: "node-9", Labels: "x", Locality: mesh.Locality{Region: "far"}, Kind: mesh.GRPCGo}
	want := mesh.Client{Namespace: "shop", Node: "node-1", Labels: web.Labels, Addresses: "10.1.0.7", Locality: web.Locality, Kind: mesh.GRPCGo}
	if got := ofPod(Token, web).apply(claimed); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := (Identity{Proof: Unverified}).apply(claimed); got != claimed {
		t.Errorf("claims became %+v", got)
	}
	want = claimed
	want.Namespace = "shop"
	if got := (Identity{Proof: Certificate, Namespace: "shop", ServiceAccount: "web"}).apply(claimed); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestKnownKeysWaitForNobody(t *testing.T) {
	server := newAPIServer(t, "k1")
	synctest.Test(t, func(t *testing.T) {
		hangs := false
		k := NewKeys(func(ctx context.Context, path string) ([]byte, error) {
			if hangs {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return server.fetch(ctx, path)
		}, "")
		if _, _, err := k.find(t.Context(), "k1"); err != nil {
			t.Fatal(err)
		}
		<-time.After(refetchInterval)
		hangs = true
		start := time.Now()
		stranger := make(chan error, 1)
		go func() {
			_, _, err := k.find(t.Context(), "k9")
			stranger <- err
		}()
		synctest.Wait()
		if _, _, err := k.find(t.Context(), "k1"); err != nil || time.Since(start) != 0 {
			t.Errorf("a known key was found after %v (%v)", time.Since(start), err)
		}
		if err := <-stranger; err == nil || time.Since(start) != fetchTimeout {
			t.Errorf("an unknown key: got %v after %v, want an error after %v", err, time.Since(start), fetchTimeout)
		}
	})
}

func TestKeysAreFetchedOnceAndKept(t *testing.T) {
	server := newAPIServer(t, "k1")
	file := filepath.Join(t.TempDir(), "made when it is needed", "keys.json")
	now := time.Now()
	fresh := func() *Keys {
		k := NewKeys(server.fetch, file)
		k.now = func() time.Time { return now }
		return k
	}
	find := func(k *Keys, id string) error { _, _, err := k.find(t.Context(), id); return err }

	k := fresh()
	if err := errors.Join(find(k, "k1"), find(k, "k1")); err != nil || server.fetches != 2 {
		t.Fatalf("two tokens took %d fetches, want 2 (issuer and keys): %v", server.fetches, err)
	}
	server.addKey("k2")
	if err := find(k, "k2"); err == nil {
		t.Error("keys were fetched again immediately: any client could keep the API server busy")
	}
	now = now.Add(refetchInterval)
	if err := find(k, "k2"); err != nil {
		t.Errorf("a new key is not found after the interval: %v", err)
	}
	delete(server.keys, "k1")
	k = fresh()
	if err := errors.Join(k.Fetch(t.Context()), find(k, "k2")); err != nil {
		t.Errorf("keys are not fetched in advance: %v", err)
	}
	if err := find(k, "k1"); err == nil {
		t.Error("a key that the API server has removed is accepted after a restart")
	}
	server.down = true
	k = fresh()
	if err := k.Fetch(t.Context()); err == nil {
		t.Error("got no error while the API server is unavailable")
	}
	if err := find(k, "k2"); err != nil {
		t.Errorf("keys were not kept for a restart: %v", err)
	}
	if err := find(k, "k3"); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v, want why the keys could not be fetched", err)
	}
}
