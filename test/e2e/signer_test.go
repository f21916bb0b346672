//go:build e2e

package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
)

// TestSigner has kubelets request certificates, of which some are denied.
func TestSigner(t *testing.T) {
	installSigner(t)
	ns := newNamespace(t)
	node := kubelet(t, "node-a")
	early := ask(t, node, request(t, ns, nil, nil))
	s := startSigner(t)
	await(t, "the missing authority is reported", func() error {
		events, err := suite.core.EventsV1().Events(systemNamespace).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=AuthorityUnusable"})
		if err == nil && len(events.Items) == 0 {
			err = errors.New("there is no Event")
		}
		return err
	})
	if s.metric(t, "mizzen_signer_authority_unusable", "") != 1 || s.metric(t, "mizzen_signer_pending_requests", "") != 1 {
		t.Error("metrics do not report that a request waits for an authority")
	}
	createAuthority(t)
	if _, said := answer(t, early); said != issued {
		t.Errorf("a request from before: got %s, want it issued", said)
	}

	leaf := issue(t, node, ns)
	if len(leaf.URIs) != 1 || leaf.URIs[0].String() != "spiffe://cluster.local/ns/"+ns+"/sa/cart" || leaf.NotAfter.Sub(leaf.NotBefore) != 24*time.Hour {
		t.Errorf("got %v from %v until %v", leaf.URIs, leaf.NotBefore, leaf.NotAfter)
	}
	short := int32(3600)
	status, _ := answer(t, ask(t, node, request(t, ns, nil, func(r *certificatesv1.PodCertificateRequest) { r.Spec.MaxExpirationSeconds = &short })))
	if got := status.NotAfter.Sub(status.NotBefore.Time); got != time.Hour || status.BeginRefreshAt.Sub(status.NotBefore.Time) != 30*time.Minute {
		t.Errorf("got a life of %v, want an hour, and half of it until the refresh", got)
	}
	elsewhere := ask(t, node, request(t, ns, nil, func(r *certificatesv1.PodCertificateRequest) { r.Spec.SignerName = "example.org/other" }))

	for name, test := range map[string]struct {
		key  crypto.Signer
		edit func(*certificatesv1.PodCertificateRequest)
		want string
	}{
		"annotations": {nil, func(r *certificatesv1.PodCertificateRequest) {
			r.Spec.UnverifiedUserAnnotations = map[string]string{"example.org/role": "admin"}
		}, "Denied InvalidUnverifiedUserAnnotations"},
		"an RSA key":    {must(rsa.GenerateKey(rand.Reader, 3072))(t), nil, "Denied UnsupportedKeyType"},
		"another curve": {must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))(t), nil, "Denied UnsupportedKeyType"},
	} {
		t.Run(name, func(t *testing.T) {
			status, said := answer(t, ask(t, node, request(t, ns, test.key, test.edit)))
			if said != test.want || status.CertificateChain != "" {
				t.Errorf("got %s and %q, want %s and no certificate", said, status.CertificateChain, test.want)
			}
		})
	}
	issue(t, node, ns) // It signs after all that.
	other := must(suite.core.CertificatesV1().PodCertificateRequests(ns).Get(t.Context(), elsewhere.Name, metav1.GetOptions{}))(t)
	if len(other.Status.Conditions) > 0 {
		t.Errorf("a request for another signer was answered: %v", other.Status.Conditions)
	}
	if got := s.metric(t, "mizzen_signer_requests_total", `result="denied"`); got != 3 {
		t.Errorf("got %v denied, want 3", got)
	}
}

// TestWhoMayRequestCertificates: the kubelet of the pod's node, and no other user. The signer's admission policy denies
// the others: a request does not record who made it.
func TestWhoMayRequestCertificates(t *testing.T) {
	installSigner(t)
	ns := newNamespace(t)
	rbac := suite.core.RbacV1()
	all := []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}}
	must(rbac.Roles(ns).Create(t.Context(), &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "all"}, Rules: all}, metav1.CreateOptions{}))(t)
	kubectl(t, "", "--namespace", ns, "create", "rolebinding", "all", "--role=all", "--user=owner")
	kubectl(t, "", "create", "clusterrolebinding", ns+"-admin", "--clusterrole=cluster-admin", "--user=chief")
	for name, test := range map[string]struct {
		client kubernetes.Interface
		signer string
		want   string
	}{
		"the kubelet of the node":                 {kubelet(t, "node-a"), signerName, ""},
		"the kubelet of another node":             {kubelet(t, "node-b"), signerName, "only the kubelet of node node-a may request"},
		"a user with all rights in the namespace": {as(t, "owner"), signerName, "only the kubelet of node node-a may request"},
		"a cluster-admin":                         {as(t, "chief"), signerName, "only the kubelet of node node-a may request"},
		"a member of system:masters":              {as(t, "root", "system:masters"), signerName, "only the kubelet of node node-a may request"},
		"a user with the name of a kubelet":       {as(t, "system:node:node-a", "system:masters"), signerName, "only the kubelet of node node-a may request"},
		"a user without rights":                   {as(t, "guest"), signerName, `cannot create resource "podcertificaterequests"`},
		"a cluster-admin, for another signer":     {as(t, "chief"), "example.org/other", ""},
	} {
		t.Run(name, func(t *testing.T) {
			// The policy is enforced a moment after it is applied.
			await(t, name, func() error {
				r := request(t, ns, nil, func(r *certificatesv1.PodCertificateRequest) { r.Spec.SignerName = test.signer })
				_, err := test.client.CertificatesV1().PodCertificateRequests(ns).Create(t.Context(), r, metav1.CreateOptions{})
				switch {
				case test.want == "":
					return err
				case err == nil:
					return errors.New("it is allowed")
				case !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), test.want):
					return fmt.Errorf("got %w, want it to be forbidden: %s", err, test.want)
				}
				return nil
			})
		})
	}
	t.Run("the policy fails closed", func(t *testing.T) {
		policy := must(suite.core.AdmissionregistrationV1().ValidatingAdmissionPolicies().Get(t.Context(), "mizzen-certificate-requests", metav1.GetOptions{}))(t)
		if got := policy.Spec.FailurePolicy; got == nil || *got != "Fail" {
			t.Errorf("got failurePolicy %v, want Fail", got)
		}
	})
}

// TestSignerRights: what the signer may do, and that the control plane may do none of it.
func TestSignerRights(t *testing.T) {
	installSigner(t)
	may := func(verb, group, resource, subresource, namespace, name string) *authorizationv1.ResourceAttributes {
		return &authorizationv1.ResourceAttributes{Verb: verb, Group: group, Resource: resource, Subresource: subresource, Namespace: namespace, Name: name}
	}
	const group = "certificates.k8s.io"
	for name, test := range map[string]struct {
		what *authorizationv1.ResourceAttributes
		want bool
	}{
		"watch requests":                {may("watch", group, "podcertificaterequests", "", "", ""), true},
		"answer them":                   {may("update", group, "podcertificaterequests", "status", "shop", "r"), true},
		"sign":                          {may("sign", group, "signers", "", "", signerName), true},
		"attest":                        {may("attest", group, "signers", "", "", signerName), true},
		"write its bundle":              {may("update", group, "clustertrustbundles", "", "", bundleName), true},
		"read the authority":            {may("get", "", "secrets", "", systemNamespace, authoritySecret), true},
		"write its state":               {may("update", "", "secrets", "", systemNamespace, stateSecret), true},
		"hold its Lease":                {may("update", "coordination.k8s.io", "leases", "", systemNamespace, "mizzen-signer"), true},
		"make a request":                {may("create", group, "podcertificaterequests", "", "shop", ""), false},
		"sign for another signer":       {may("sign", group, "signers", "", "", "kubernetes.io/kube-apiserver-client"), false},
		"attest for another signer":     {may("attest", group, "signers", "", "", "example.org/other"), false},
		"write another bundle":          {may("update", group, "clustertrustbundles", "", "", "other"), false},
		"delete its bundle":             {may("delete", group, "clustertrustbundles", "", "", bundleName), false},
		"write the authority":           {may("update", "", "secrets", "", systemNamespace, authoritySecret), false},
		"list Secrets":                  {may("list", "", "secrets", "", systemNamespace, ""), false},
		"read another Secret":           {may("get", "", "secrets", "", systemNamespace, "mizzen-tls"), false},
		"read a Secret somewhere else":  {may("get", "", "secrets", "", "shop", authoritySecret), false},
		"read pods":                     {may("list", "", "pods", "", "", ""), false},
		"hold the control plane's":      {may("update", "coordination.k8s.io", "leases", "", systemNamespace, "mizzen"), false},
		"approve signing requests":      {may("update", group, "certificatesigningrequests", "approval", "", "r"), false},
		"write an Event somewhere else": {may("create", "events.k8s.io", "events", "", "shop", ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			for user, want := range map[string]bool{signerAccount: test.want, account: name == "hold the control plane's" || name == "read pods" || name == "write an Event somewhere else"} {
				review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: test.what}}
				got := must(suite.core.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{}))(t)
				if got.Status.Allowed != want {
					t.Errorf("%s: got allowed %t, want %t", user, got.Status.Allowed, want)
				}
			}
		})
	}
}

// shown is what `authority show -o json` prints.
type shown struct {
	Problem        string
	Step           string
	Signing        bool
	Desired, InUse *struct{ Fingerprint string }
	Roots          []struct{ Fingerprint string }
}

func show(t *testing.T, flags ...string) (code int, s shown) {
	t.Helper()
	code, text := runCommand(t, append([]string{"authority", "show", "-o", "json"}, flags...)...)
	_, text, _ = strings.Cut(text, "\n") // Which cluster is asked.
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatalf("exit code %d: %v\n%s", code, err, text)
	}
	return code, s
}

// TestAuthorityCommands: what operators are told, with a signer and without.
func TestAuthorityCommands(t *testing.T) {
	installSigner(t)
	says := func(want int, text string, args ...string) {
		t.Helper()
		if code, got := runCommand(t, append([]string{"authority"}, args...)...); code != want || !strings.Contains(got, text) {
			t.Errorf("authority %s: got exit code %d and\n%s\nwant %d and %q", strings.Join(args, " "), code, got, want, text)
		}
	}
	says(1, "does not exist: make it with controlplane authority create", "show")
	says(1, "does not exist: make it with controlplane authority create", "rotate")
	says(0, "created the authority of the trust domain cluster.local", "create")
	says(1, "exists and is not overwritten", "create")
	says(1, "no authority may sign", "show")
	says(1, "the signer does not sign with the present authority yet", "rotate")
	s := startSigner(t)
	s.awaitMetric(t, "mizzen_signer_signing", exactly(1))
	says(0, "rotation: none", "show")
	says(1, `tls.crt is for the trust domain "cluster.local", and leaves are for "example.org"`, "show", "--trust-domain", "example.org")
	editSecret(t, authoritySecret, func(data map[string][]byte) { data["tls.key"] = []byte("text") })
	says(1, "problem: tls.key does not fit tls.crt", "show")
	says(1, "the present authority cannot be used: tls.key does not fit tls.crt", "rotate")
	s.awaitMetric(t, "mizzen_signer_authority_unusable", exactly(1))
	issue(t, kubelet(t, "node-a"), newNamespace(t)) // The one in use signs.
	says(0, "replaced the authority", "rotate", "--force")
	kubectl(t, "", "--namespace", systemNamespace, "annotate", "secret", authoritySecret, "cert-manager.io/certificate-name=workloads")
	says(1, "cert-manager makes the Secret mizzen-system/mizzen-workload-authority from the Certificate workloads", "rotate", "--force")
}

// TestRotationOfAuthority rotates the authority while certificates are issued. In one step the signer is killed, in the other it ends.
func TestRotationOfAuthority(t *testing.T) {
	cluster.NotInShort(t)
	installSigner(t)
	createAuthority(t)
	ns, node := newNamespace(t), kubelet(t, "node-a")
	flags := []string{"--publish-wait", "20s", "--retire-wait", "1s"}
	first := startSigner(t, flags...)
	old := issue(t, node, ns)
	awaitRoots(t, 1)
	oldRoot := published(t)[0]

	if code, text := runCommand(t, "authority", "rotate"); code != 0 {
		t.Fatalf("authority rotate: exit code %d\n%s", code, text)
	}
	awaitRoots(t, 2)
	first.Kill()
	second := startSigner(t, flags...)
	issue(t, node, ns)
	await(t, "a certificate of the new authority", func() error {
		if issue(t, node, ns).CheckSignatureFrom(oldRoot) == nil {
			return errors.New("it is of the old one")
		}
		return nil
	})
	if _, s := show(t, "--retire-wait", "1s"); s.Step != "retire" || len(s.Roots) != 2 || s.Desired.Fingerprint != s.InUse.Fingerprint {
		t.Errorf("got %+v, want it to retire the old root", s)
	}
	if code, text := runCommand(t, "authority", "rotate"); code != 1 || !strings.Contains(text, "the previous rotation is complete at") {
		t.Errorf("another rotation: got exit code %d and %s", code, text)
	}
	second.Terminate()
	third := startSigner(t, flags...)
	third.awaitMetric(t, "mizzen_signer_signing", exactly(1))
	issue(t, node, ns)
	if got := published(t); len(got) != 2 {
		t.Fatalf("got %d roots while a certificate of the old authority is alive, want 2", len(got))
	}
	// A certificate lives an hour at least, so the test makes the last one expire: in what is recorded.
	editSecret(t, stateSecret, func(data map[string][]byte) {
		var roots []map[string]any
		if err := json.Unmarshal(data["roots.json"], &roots); err != nil {
			t.Fatal(err)
		}
		for _, root := range roots {
			if certificatesOf(t, root["certificate"].(string))[0].Equal(oldRoot) {
				if until := must(time.Parse(time.RFC3339, root["leavesUntil"].(string)))(t); until.Before(old.NotAfter) {
					t.Errorf("the old root may go at %s, and a certificate lives until %s", until, old.NotAfter)
				}
				root["leavesUntil"] = time.Now().Add(-time.Minute)
			}
		}
		data["roots.json"] = must(json.Marshal(roots))(t)
	})
	awaitRoots(t, 1)
	if published(t)[0].Equal(oldRoot) {
		t.Error("the new root was removed")
	}
	issue(t, node, ns)
	if code, s := show(t); code != 0 || s.Step != "none" {
		t.Errorf("got exit code %d and %+v, want the rotation to be complete", code, s)
	}
}

// TestSignerTakeover: the leader is killed, then the API server goes away and comes back. Requests wait meanwhile, and
// all are answered.
func TestSignerTakeover(t *testing.T) {
	cluster.NotInShort(t)
	installSigner(t)
	createAuthority(t)
	ns, node := newNamespace(t), kubelet(t, "node-a")
	leader := startSigner(t)
	leader.awaitMetric(t, "mizzen_signer_signing", exactly(1))
	follower := startSigner(t)
	issue(t, node, ns)
	leader.Kill()
	began := time.Now()
	issue(t, node, ns)
	t.Logf("FAULT leader of the signer killed: the next certificate after %v", time.Since(began).Round(time.Millisecond))
	if got := follower.metric(t, "mizzen_signer_leader", ""); got != 1 {
		t.Errorf("got %v, want the other replica to lead", got)
	}

	api := suite.cluster.APIServer
	t.Cleanup(func() { wake(t) })
	for name, outage := range map[string]struct{ begin, end func() }{
		"killed": {api.Kill, func() { restart(t, api) }},
		"paused": {api.Pause, func() { resume(t, api) }},
	} {
		outage.begin()
		<-time.After(12 * time.Second) // longer than a leader leads without the API server
		outage.end()
		began := time.Now()
		issue(t, node, ns)
		t.Logf("FAULT API server %s and back: a certificate after %v", name, time.Since(began).Round(time.Millisecond))
	}
}

// TestTenThousandCertificates: as many requests at once are all answered, once each.
func TestTenThousandCertificates(t *testing.T) {
	cluster.NotInShort(t)
	const n = 10_000
	installSigner(t)
	createAuthority(t)
	ns := newNamespace(t)
	config := must(suite.cluster.Config("system:node:node-a", "system:nodes"))(t)
	config.ContentConfig = rest.ContentConfig{ContentType: "application/vnd.kubernetes.protobuf"}
	node := must(kubernetes.NewForConfig(config))(t)
	s := startSigner(t)
	s.awaitMetric(t, "mizzen_signer_signing", exactly(1))
	template := request(t, ns, nil, nil)
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(32)
	began := time.Now()
	for i := range n {
		group.Go(func() error {
			r := template.DeepCopy()
			r.GenerateName, r.Name, r.Spec.PodUID = "", fmt.Sprint("r", i), uidOf(i)
			_, err := node.CertificatesV1().PodCertificateRequests(ns).Create(ctx, r, metav1.CreateOptions{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d requests made in %v", n, time.Since(began).Round(time.Millisecond))
	s.awaitMetric(t, "mizzen_signer_requests_total", func(float64) bool {
		return s.metric(t, "mizzen_signer_requests_total", `result="issued"`) >= float64(n)
	})
	took := time.Since(began)
	t.Logf("MEASURE %d certificates issued in %v, %.0f a second; resident %.0f MiB, %.1f s of CPU", n, took.Round(time.Millisecond), float64(n)/took.Seconds(),
		s.metric(t, "process_resident_memory_bytes", "")/(1<<20), s.metric(t, "process_cpu_seconds_total", ""))
	list := must(suite.core.CertificatesV1().PodCertificateRequests(ns).List(t.Context(), metav1.ListOptions{}))(t)
	missing := slices.DeleteFunc(list.Items, func(r certificatesv1.PodCertificateRequest) bool { return r.Status.CertificateChain != "" })
	if len(list.Items) != n || len(missing) > 0 {
		t.Errorf("of %d requests, %d have no certificate", len(list.Items), len(missing))
	}
	if got := s.metric(t, "mizzen_signer_requests_total", ""); got != float64(n) {
		t.Errorf("got %v answers, want %d", got, n)
	}
	if err := suite.core.CertificatesV1().PodCertificateRequests(ns).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
}
