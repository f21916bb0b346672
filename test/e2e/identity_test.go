//go:build e2e

package e2e

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
)

// proofs are the ways in which a pod can prove its identity: each returns its bootstrap, and its source address.
var proofs = map[string]func(t *testing.T, p *controlPlane, pod *corev1.Pod) (bootstrap.Options, string){
	"token": func(t *testing.T, p *controlPlane, pod *corev1.Pod) (bootstrap.Options, string) {
		return bootstrap.Options{ServerURI: p.xdsTLS, Connection: bootstrap.Connection{
			TLS: true, Authorities: certificates(t, "") + "/ca.crt", Token: inFile(t, token(t, pod.Namespace, pod, audience)),
		}}, ""
	},
	"certificate": func(t *testing.T, p *controlPlane, pod *corev1.Pod) (bootstrap.Options, string) {
		dir := certificates(t, "spiffe://cluster.local/ns/"+pod.Namespace+"/sa/default")
		return bootstrap.Options{ServerURI: p.xdsTLS, Connection: bootstrap.Connection{
			TLS: true, Authorities: dir + "/ca.crt", Certificate: dir + "/tls.crt", Key: dir + "/tls.key",
		}}, ""
	},
	"address": func(_ *testing.T, p *controlPlane, pod *corev1.Pod) (bootstrap.Options, string) {
		return bootstrap.Options{ServerURI: p.xds, Namespace: pod.Namespace, Hostname: pod.Name}, pod.Status.PodIP
	},
}

// TestProofs has pods of two namespaces prove their identity in each way, and checks that each gets only what its own
// namespace may see: a rule that is not exported applies in its own namespace only.
func TestProofs(t *testing.T) {
	installDefinitions(t)
	own := newNamespace(t)
	foreign := own + "-other"
	must(suite.core.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: foreign}}, metav1.CreateOptions{}))(t)
	newService(t, own)
	newDeployment(t, own, "v1", 1)
	newDeployment(t, own, "v2", 1)
	applySubsets(t, own)
	applyWeights(t, own, 0, 100)
	services := suite.istio.NetworkingV1().VirtualServices(own)
	rule := must(services.Get(t.Context(), "echo", metav1.GetOptions{}))(t)
	rule.Spec.ExportTo = []string{"."}
	must(services.Update(t.Context(), rule, metav1.UpdateOptions{}))(t)
	inside, outside := newPod(t, own, "caller"), newPod(t, foreign, "caller")
	p := startSecure(t)

	for name, prove := range proofs {
		t.Run(name, func(t *testing.T) {
			options, source := prove(t, p, inside)
			l := startLoad(t, dialAs(t, options, source, "echo."+own+":50051"))
			l.until(t, "the rule, in its namespace", only("v2"))
			options, source = prove(t, p, outside)
			l = startLoad(t, dialAs(t, options, source, "echo."+own+":50051"))
			l.until(t, "no rule, from another namespace", from(2))
			// A short name is resolved in the proved namespace, which has no such Service.
			options, source = prove(t, p, outside)
			if _, err := call(t.Context(), dialAs(t, options, source, "echo:50051")); status.Code(err) != codes.Unavailable {
				t.Errorf("the short name of a foreign Service: got %v, want Unavailable", err)
			}
		})
	}
	for _, reason := range []string{"unproved", "contradiction", "limit"} {
		if got := p.refused(t, reason); got != 0 {
			t.Errorf("got %d streams refused for %q, want none", got, reason)
		}
	}
}

// forger makes tokens that the API server would not make.
type forger struct {
	t     *testing.T
	key   crypto.Signer
	keyID string
	// genuine has the claims of a genuine token.
	genuine map[string]any
}

func newForger(t *testing.T, genuine string) *forger {
	t.Helper()
	parsed := must(jwt.ParseSigned(genuine, []jose.SignatureAlgorithm{jose.RS256}))(t)
	f := &forger{t: t, key: must(suite.cluster.TokenKey())(t), keyID: parsed.Headers[0].KeyID}
	if err := parsed.Claims(f.key.Public(), &f.genuine); err != nil {
		t.Fatal(err)
	}
	return f
}

// forge changes claims of the genuine token; a nil value removes the claim.
func (f *forger) forge(key crypto.Signer, edits map[string]any) string {
	f.t.Helper()
	claims := map[string]any{}
	for _, all := range []map[string]any{f.genuine, edits} {
		for name, value := range all {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
	}
	signing := jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: f.keyID}}
	signer := must(jose.NewSigner(signing, nil))(f.t)
	return must(jwt.Signed(signer).Claims(claims).Serialize())(f.t)
}

// TestForgeries tries to use another identity, in every way that we know. Each attempt is rejected, with a reason,
// and counted.
func TestForgeries(t *testing.T) {
	ns := newNamespace(t)
	pod, gone, before := newPod(t, ns, "caller"), newPod(t, ns, "gone"), newPod(t, ns, "reborn")
	p := startSecure(t)
	genuine, ofGone, ofBefore := token(t, ns, pod, audience), token(t, ns, gone, audience), token(t, ns, before, audience)
	now := int64(0)
	for _, name := range []string{"gone", "reborn"} {
		if err := suite.core.CoreV1().Pods(ns).Delete(t.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			t.Fatal(err)
		}
	}
	newPod(t, ns, "reborn")
	f := newForger(t, genuine)
	stranger := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	hour := time.Now().Add(time.Hour).Unix()
	says := func(id string, fields map[string]any) *corev3.Node {
		return &corev3.Node{Id: id, Metadata: must(structpb.NewStruct(fields))(t)}
	}
	spiffe := func(id string) rawClient { return rawClient{secure: true, certificates: certificates(t, id)} }
	bearer := func(token string) rawClient { return rawClient{secure: true, token: token} }
	at := func(node *corev3.Node) rawClient { return rawClient{source: pod.Status.PodIP, node: node} }
	cases := map[string]struct {
		who    rawClient
		code   codes.Code
		want   string
		reason string
	}{
		"nothing, over TLS":               {rawClient{secure: true}, codes.Unauthenticated, "does not belong to a pod", "unproved"},
		"nothing, in plaintext":           {rawClient{}, codes.Unauthenticated, cluster.HostIP, "unproved"},
		"an address that no pod has":      {rawClient{source: "10.77.250.9"}, codes.Unauthenticated, "does not belong to a pod", "unproved"},
		"the address of a pod that went":  {rawClient{source: gone.Status.PodIP}, codes.Unauthenticated, "does not belong to a pod", "unproved"},
		"a genuine token in plaintext":    {rawClient{token: genuine, source: pod.Status.PodIP}, codes.Unauthenticated, "unencrypted", "unproved"},
		"no token at all":                 {bearer("let me in"), codes.Unauthenticated, "cannot be read", "unproved"},
		"a token without a signature":     {bearer("eyJhbGciOiJub25lIn0." + strings.Split(genuine, ".")[1] + "."), codes.Unauthenticated, "cannot be read", "unproved"},
		"a token that was edited":         {bearer(edited(genuine)), codes.Unauthenticated, "not signed by", "unproved"},
		"a token signed by somebody else": {bearer(f.forge(stranger, nil)), codes.Unauthenticated, "not signed by the API server", "unproved"},
		"a token that has expired":        {bearer(f.forge(f.key, map[string]any{"exp": hour - 7200})), codes.Unauthenticated, "expired at", "unproved"},
		"a token of tomorrow":             {bearer(f.forge(f.key, map[string]any{"nbf": hour})), codes.Unauthenticated, "does not hold", "unproved"},
		"a token that never expires":      {bearer(f.forge(f.key, map[string]any{"exp": nil})), codes.Unauthenticated, "never expires", "unproved"},
		"a token of another issuer":       {bearer(f.forge(f.key, map[string]any{"iss": "https://elsewhere"})), codes.Unauthenticated, "does not hold", "unproved"},
		"a token for somebody else":       {bearer(token(t, ns, pod, "vault")), codes.Unauthenticated, `has the audience "vault"`, "unproved"},
		"a token for the API server":      {bearer(token(t, ns, pod)), codes.Unauthenticated, `the audience "mizzen.dev"`, "unproved"},
		"a token bound to no pod":         {bearer(token(t, ns, nil, audience)), codes.Unauthenticated, "bound to no pod", "unproved"},
		"the token of a pod that went":    {bearer(ofGone), codes.Unauthenticated, "does not exist", "unproved"},
		"the token of a pod's precursor":  {bearer(ofBefore), codes.Unauthenticated, "does not exist", "unproved"},
		"a bad token from a good address": {rawClient{secure: true, token: "x.y.z", source: pod.Status.PodIP}, codes.Unauthenticated, "cannot be read", "unproved"},
		"a certificate of another domain": {spiffe("spiffe://elsewhere/ns/" + ns + "/sa/default"), codes.Unauthenticated, "--trust-domain", "unproved"},
		"a certificate without SPIFFE id": {spiffe("https://cluster.local/ns/" + ns + "/sa/default"), codes.Unauthenticated, "expected spiffe://", "unproved"},
		"a certificate of nobody":         {spiffe(""), codes.Unauthenticated, "0 URIs", "unproved"},

		"a foreign namespace":            {at(says("", map[string]any{"NAMESPACE": "bank"})), codes.PermissionDenied, `NAMESPACE "bank"`, "contradiction"},
		"a foreign namespace, by token":  {rawClient{secure: true, token: genuine, node: says("", map[string]any{"NAMESPACE": "bank"})}, codes.PermissionDenied, "the token proves", "contradiction"},
		"a forged node id":               {at(says("mizzen~bank~web-0", nil)), codes.PermissionDenied, `the namespace "bank"`, "contradiction"},
		"a forged node id, as Istio's":   {at(says("sidecar~10.0.0.1~vault-0."+ns+"~cluster.local", nil)), codes.PermissionDenied, `the pod "vault-0"`, "contradiction"},
		"a foreign service account":      {at(says("", map[string]any{"SERVICE_ACCOUNT": "root"})), codes.PermissionDenied, `"root"`, "contradiction"},
		"a foreign node":                 {at(says("", map[string]any{"NODE_NAME": "node-b"})), codes.PermissionDenied, `"node-b"`, "contradiction"},
		"a label that the pod has not":   {at(says("", map[string]any{"LABELS": map[string]any{"app": "vault"}})), codes.PermissionDenied, `"vault"`, "contradiction"},
		"a foreign namespace, by SPIFFE": {rawClient{secure: true, certificates: certificates(t, "spiffe://cluster.local/ns/"+ns+"/sa/default"), node: says("", map[string]any{"NAMESPACE": "bank"})}, codes.PermissionDenied, "the certificate proves", "contradiction"},
	}
	counts := map[string]int{}
	t.Run("all", func(t *testing.T) {
		for name, c := range cases {
			counts[c.reason]++
			t.Run(name, func(t *testing.T) {
				t.Parallel() // some wait for a pod that does not exist
				err := c.who.request(t, p)
				if status.Code(err) != c.code || !strings.Contains(status.Convert(err).Message(), c.want) {
					t.Errorf("got %v, want %v with %q", err, c.code, c.want)
				}
			})
		}
	})
	for reason, want := range counts {
		if got := p.refused(t, reason); got != want {
			t.Errorf("got %d streams refused for %q, want %d", got, reason, want)
		}
	}
	if err := bearer(genuine).request(t, p); err != nil {
		t.Errorf("the genuine token: got %v", err)
	}
	if err := at(says("mizzen~"+ns+"~caller", map[string]any{"NAMESPACE": ns})).request(t, p); err != nil {
		t.Errorf("the address of a pod whose node matches: got %v", err)
	}
}

// edited is a token with another payload and the old signature.
func edited(token string) string {
	parts := strings.Split(token, ".")
	middle := len(parts[1]) / 2
	swap := "A"
	if parts[1][middle] == 'A' {
		swap = "B"
	}
	parts[1] = parts[1][:middle] + swap + parts[1][middle+1:]
	return strings.Join(parts, ".")
}

// TestTokensDuringAnOutage connects clients with tokens while the API server is unavailable, to a running control
// plane and to one that is started during the outage: the keys are kept.
func TestTokensDuringAnOutage(t *testing.T) {
	ns := newNamespace(t)
	pod := newPod(t, ns, "caller")
	state := t.TempDir()
	p := startSecure(t, "--state-dir", state)
	first, second := token(t, ns, pod, audience), token(t, ns, pod, audience)
	await(t, "the World and the keys stored", func() error {
		_, err := os.Stat(filepath.Join(state, "token-keys.json"))
		if files := must(os.ReadDir(state))(t); len(files) < 2 {
			err = fmt.Errorf("there is only %v", files)
		}
		return err
	})
	api := suite.cluster.APIServer
	api.Kill()
	defer func() { // before the test's context ends
		restart(t, api)
		wake(t)
	}()
	if err := (rawClient{secure: true, token: second}).request(t, p); err != nil {
		t.Errorf("the first token: got %v", err)
	}
	restarted := startSecure(t, "--state-dir", state, "--state-wait", "100ms")
	if err := (rawClient{secure: true, token: second}).request(t, restarted); err != nil {
		t.Errorf("a token, at a control plane that was started during the outage: got %v", err)
	}
	stranger := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	for name, p := range map[string]*controlPlane{"running": p, "restarted": restarted} {
		err := (rawClient{secure: true, token: newForger(t, first).forge(stranger, nil)}).request(t, p)
		if status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "not signed by") {
			t.Errorf("%s: a token with a foreign signature: got %v, want Unauthenticated", name, err)
		}
	}
}
