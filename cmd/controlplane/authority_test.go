package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/internal/authority"
	"github.com/mizzen-mesh/mizzen/internal/signer"
)

// TestAuthorityAsYAML: what is printed is a Secret that the signer can use, and no cluster is asked.
func TestAuthorityAsYAML(t *testing.T) {
	got := command(t.Context(), "", "authority", "create", "-o", "yaml", "--trust-domain", "example.org", "--mizzen-namespace", "mesh", "--kubeconfig", "testdata/missing")
	if got.code != exitOK || got.err != "" {
		t.Fatalf("got exit code %d and %q", got.code, got.err)
	}
	var secret corev1.Secret
	if err := yaml.UnmarshalStrict([]byte(got.stdout), &secret); err != nil {
		t.Fatal(err)
	}
	a, err := authority.Parse(secret.Data, "example.org")
	if err != nil {
		t.Fatal(err)
	}
	if secret.Name != signer.SecretName || secret.Namespace != "mesh" || secret.Kind != "Secret" || secret.Type != corev1.SecretTypeTLS {
		t.Errorf("got %s %s/%s of type %s", secret.Kind, secret.Namespace, secret.Name, secret.Type)
	}
	if left := time.Until(a.NotAfter()); left < 3640*24*time.Hour || left > 3660*24*time.Hour {
		t.Errorf("got %v left, want ten years", left)
	}
}

// testAuthority is an authority with fixed times.
func testAuthority(t *testing.T, at time.Time) *authority.Authority {
	t.Helper()
	files, err := authority.Create("cluster.local", at, 1000*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	a, err := authority.Parse(files, "cluster.local")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestShowAuthority: the text for each situation; names and fingerprints are random.
func TestShowAuthority(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	old, next := testAuthority(t, at), testAuthority(t, at)
	state := authority.State{InUse: old.Files, Roots: []authority.Root{{Certificate: old.Roots[0], PublishedAt: at, LeavesUntil: at.Add(25 * time.Hour)}}}
	waits := authority.Waits{Publish: 5 * time.Minute, Retire: time.Hour}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: signer.SecretName}}
	for name, test := range map[string]struct {
		seen *signer.Seen
		want string
	}{
		"in use": {&signer.Seen{Secret: secret, Desired: old, InUse: old, State: state, Roots: old.Roots}, `
AUTHORITY      FINGERPRINT       SUBJECT                                          SIGNED BY  VALID UNTIL
in the Secret  OLD  CN=old,O=Mizzen  itself     2026-02-12T19:04:05Z
in use         OLD  CN=old,O=Mizzen  itself     2026-02-12T19:04:05Z

ROOT              VALID UNTIL           PUBLISHED AT          CERTIFICATES UNTIL
OLD  2026-02-12T19:04:05Z  2026-01-02T03:04:05Z  2026-01-03T04:04:05Z

rotation: none
`},
		"published": {&signer.Seen{Secret: secret, Desired: next, InUse: old, State: state, Roots: append(old.Roots[:1:1], next.Roots...)}, `
AUTHORITY      FINGERPRINT       SUBJECT                                          SIGNED BY  VALID UNTIL
in the Secret  NEXT  CN=next,O=Mizzen  itself     2026-02-12T19:04:05Z
in use         OLD  CN=old,O=Mizzen  itself     2026-02-12T19:04:05Z

ROOT              VALID UNTIL           PUBLISHED AT          CERTIFICATES UNTIL
NEXT  2026-02-12T19:04:05Z  2026-01-02T04:04:05Z  -
OLD  2026-02-12T19:04:05Z  2026-01-02T03:04:05Z  2026-01-03T04:04:05Z

rotation: publish until 2026-01-02T04:09:05Z
`},
		"no authority": {&signer.Seen{DesiredError: errFound}, `
AUTHORITY      FINGERPRINT  SUBJECT  SIGNED BY  VALID UNTIL
in the Secret  -            -        -          -
in use         -            -        -          -

ROOT  VALID UNTIL  PUBLISHED AT  CERTIFICATES UNTIL

rotation: none
problem: the command found something
no authority may sign: new pods with certificates wait
`},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := newShownAuthority(test.seen, at.Add(time.Hour), waits).text()
			if err != nil {
				t.Fatal(err)
			}
			got := string(text)
			for name, a := range map[string]*authority.Authority{"old": old, "next": next} {
				got = strings.ReplaceAll(got, authority.Fingerprint(a.Certificate)[:16], strings.ToUpper(name))
				got = strings.ReplaceAll(got, a.Certificate.Subject.String(), "CN="+name+",O=Mizzen")
			}
			if diff := cmp.Diff(sortedRoots(strings.TrimPrefix(test.want, "\n")), sortedRoots(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// sortedRoots sorts the lines of roots, which are sorted by their random fingerprints.
func sortedRoots(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		if i > 0 && strings.HasPrefix(lines[i], "NEXT ") && strings.HasPrefix(lines[i-1], "OLD ") {
			lines[i-1], lines[i] = lines[i], lines[i-1]
		}
	}
	return strings.Join(lines, "\n")
}
