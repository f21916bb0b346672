package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
)

// TestAuthzMissingFiles: a file that cannot be read may have a policy, so that there is no verdict. A document that cannot be
// parsed closes, and has one.
func TestAuthzMissingFiles(t *testing.T) {
	shop, err := os.ReadFile(authzMesh)
	if err != nil {
		t.Fatal(err)
	}
	cases, err := filepath.Abs("testdata/authz/cases.yaml")
	if err != nil {
		t.Fatal(err)
	}
	link := func(target string) func(string) error {
		return func(path string) error { return os.Symlink(target, path) }
	}
	for name, test := range map[string]struct {
		add  func(path string) error
		file string
		want string
	}{
		"nothing is missing":  {func(string) error { return nil }, "z.yaml", ""},
		"a broken document":   {func(path string) error { return os.WriteFile(path, []byte("a: [b"), 0o600) }, "z.yaml", ""},
		"a link to itself":    {link("z.yaml"), "z.yaml", "too many links"},
		"a link to nothing":   {link("/nonexistent/z.yaml"), "z.yaml", "does not exist"},
		"a folder is missing": {link("/nonexistent"), "policies", "does not exist"},
		"a link to no object": {link("/nonexistent/README.md"), "README.md", ""},
		"no permission": {func(path string) error {
			if os.Getuid() == 0 {
				return os.Symlink("/proc/self/mem", path) // root may read every file of a disk
			}
			return os.WriteFile(path, nil, 0)
		}, "z.yaml", "cannot be read"},
		"a packed file": {func(path string) error { return os.WriteFile(path, []byte{0x1f, 0x8b, 8, 0, 0xff}, 0o600) }, "z.yaml.gz", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "shop.yaml"), shop, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := test.add(filepath.Join(dir, test.file)); err != nil {
				t.Fatal(err)
			}
			for _, args := range []string{"explain --from shop/web --to cart:50051 --method /shop.Cart/Get", "matrix", "coverage", "test " + cases} {
				got := command(t.Context(), "", append(append([]string{"authz"}, strings.Fields(args)...), "-f", dir)...)
				want := exitOK
				if test.want != "" {
					want = exitUsage
				}
				if got.code != want || !strings.Contains(got.err, test.want) || want == exitUsage && got.stdout != "" {
					t.Errorf("%s: got exit code %d, %q and %q on standard error, want %d and %q", args, got.code, got.stdout, got.err, want, test.want)
				}
			}
		})
	}
}

// TestAuthzCallersWithoutCertificate: a call is allowed by the rules, and the caller's pods cannot make it.
func TestAuthzCallersWithoutCertificate(t *testing.T) {
	pod := func(name, namespace, account, labels string) string {
		return fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: %s, labels: {%s}}\nspec: {serviceAccountName: %s}\n", name, namespace, labels, account)
	}
	const certified = "mizzen.dev/identity: spiffe"
	const note = " Pods of shop/web have no certificate (label mizzen.dev/identity: spiffe), so they cannot call servers with mTLS: "
	mTLS := pod("cart-1", "shop", "cart", "app: cart, mizzen.dev/server: xds, "+certified)
	for name, test := range map[string]struct{ objects, want string }{
		"certified":                {mTLS + pod("web-1", "shop", "web", certified), ""},
		"no pod of the caller":     {mTLS, ""},
		"one without":              {mTLS + pod("web-2", "shop", "web", "a: b") + pod("web-1", "shop", "web", certified), note + "web-2."},
		"many without":             {mTLS + pod("w4", "shop", "web", "a: b") + pod("w3", "shop", "web", "a: b") + pod("w2", "shop", "web", "a: b") + pod("w1", "shop", "web", "a: b"), note + "w1, w2, w3 and 1 more."},
		"of other accounts":        {mTLS + pod("web-1", "shop", "web2", "a: b") + pod("web-1", "other", "web", "a: b"), ""},
		"a server with plaintext":  {pod("cart-1", "shop", "cart", "app: cart, mizzen.dev/server: xds") + pod("web-1", "shop", "web", "a: b"), ""},
		"a server of unknown pods": {pod("web-1", "shop", "web", "a: b"), note + "web-1."},
	} {
		t.Run(name, func(t *testing.T) {
			objects := "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\nspec: {ports: [{name: grpc, port: 50051}], selector: {app: cart}}\n" + test.objects
			got := command(t.Context(), objects, strings.Fields("authz explain -f - --from shop/web --to cart:50051 --method /shop.Cart/Get -o json")...)
			var v authz.Verdict
			if err := json.Unmarshal([]byte(got.stdout), &v); err != nil || got.code != exitOK || !v.Allowed {
				t.Fatalf("got exit code %d, %q, %v", got.code, got.stdout, err)
			}
			if strings.Contains(v.Reason, "have no certificate") != (test.want != "") || !strings.HasSuffix(v.Reason, test.want) {
				t.Errorf("got the reason %q, want the end %q", v.Reason, test.want)
			}
		})
	}
}
