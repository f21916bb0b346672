package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestTrials runs commands in folders of testdata/trials, whose objects have mistakes that users made.
func TestTrials(t *testing.T) {
	tests := map[string]struct {
		// dir is the folder, and args is the command line in it.
		dir, args string
		code      int
		// want are texts of the output, in this order; not are texts that it must not have.
		want, not []string
	}{
		"JSON in a folder": {
			dir: "json-files", args: "explain -f . --as fin --to vault --call /fin.Vault/Open", code: exitOK,
			want: []string{"10.20.3.1:7500"},
		},
		"a DestinationRule without its Service": {
			dir: "destinationrule-alone", args: "check -f destinationrule.yaml", code: exitFailure,
			want: []string{"spec.trafficPolicy.tls.caCertificates", "warning NoSuchHost", "spec.trafficPolicy.connectionPool", "spec.trafficPolicy.loadBalancer.warmupDurationSecs"},
		},
		"objects without a namespace": {
			dir: "objects-without-namespace", args: "check -f . --namespace fin", code: exitOK, want: []string{"0 errors, 0 warnings"},
		},
		"objects without a namespace, by the short flag": {
			dir: "objects-without-namespace", args: "render -f . -n fin --type lds", code: exitOK, want: []string{"problems: []", "name: vault.fin.svc.cluster.local:7500"},
		},
		"objects without a namespace, one call": {
			dir: "objects-without-namespace", args: "explain -f . -n fin --as fin --to vault --call /fin.Vault/Open", code: exitFailure,
			want: []string{"from VirtualService fin/vault, Service fin/vault", "the clusters of the matched route have no endpoints"},
		},
		"objects of the default namespace": {
			dir: "objects-without-namespace", args: "check -f .", code: exitFailure, want: []string{"error NoSuchHost VirtualService default/vault"},
		},
		"a ServiceEntry that rules depend on": {
			dir: "serviceentry-is-depended-on", args: "check -f .", code: exitFailure,
			want: []string{
				"error NoSuchHost VirtualService shop/rates", "ServiceEntry shop/rates declares rates.example.org", `type ExternalName with externalName "rates.example.org"`,
				"warning NoSuchHost DestinationRule shop/rates", "ServiceEntry shop/rates declares",
				"warning UnknownKind ServiceEntry shop/rates", "DestinationRule shop/rates and VirtualService shop/rates depend", "ExternalName",
			},
			not: []string{"nothing depends", "correct the name"},
		},
		"booleans of YAML 1.1": {
			dir: "yaml-booleans", args: "check -f .", code: exitFailure,
			want: []string{"error InvalidValue DestinationRule depot/parcel spec.subsets[0].labels.canary (objects.yaml:9)", "the boolean on", `Write canary: "on"`},
		},
		"values of another kind": {
			dir: "texts-of-wrong-kinds", args: "check -f .", code: exitFailure,
			want: []string{"the number 33.3", "Write weight: 33\n", "the number 1", "Write exact: \"1\"\n", "the number 3", "Write retries: {attempts: 3}\n", "the number 7100", "Write port: {number: 7100}\n", "4 errors"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Chdir(filepath.Join("testdata", "trials", test.dir))
			got := command(t.Context(), "", strings.Fields(test.args)...)
			output := got.stdout + got.err
			if got.code != test.code {
				t.Errorf("got exit code %d, want %d; output:\n%s", got.code, test.code, output)
			}
			rest := output
			for _, want := range test.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Errorf("got\n%s\nwant in it %q, after the texts before it", output, want)
					continue
				}
				rest = after
			}
			for _, text := range test.not {
				if strings.Contains(output, text) {
					t.Errorf("got\n%s\nwant in it no %q", output, text)
				}
			}
		})
	}
}
