package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// outcome is the result of a command.
type outcome struct {
	code        int
	stdout, err string
}

// command runs one command line.
func command(ctx context.Context, stdin string, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	code := execute(ctx, args, stdio{in: strings.NewReader(stdin), out: &stdout, err: &stderr})
	return outcome{code, stdout.String(), stderr.String()}
}

// golden compares got with a file of testdata, or rewrites the file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (make golden writes it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; make golden rewrites it):\n%s", path, diff)
	}
}

func TestHelpOfEveryCommand(t *testing.T) {
	files := map[string]bool{}
	help := func(name string, args ...string) {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", append(args, "--help")...)
			if got.code != exitOK || got.err != "" {
				t.Errorf("got exit code %d and %q on standard error, want 0 and nothing", got.code, got.err)
			}
			files[name+".txt"] = true
			golden(t, filepath.Join("help", name+".txt"), got.stdout)
		})
	}
	help("controlplane")
	for _, c := range newRoot(stdio{}).Commands() {
		help(c.Name(), c.Name())
		for _, sub := range c.Commands() {
			help(c.Name()+"_"+sub.Name(), c.Name(), sub.Name())
		}
		if c.Example == "" && c.HasLocalFlags() {
			t.Errorf("%s has flags but no example", c.Name())
		}
	}
	entries, err := os.ReadDir("testdata/help")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !files[e.Name()] {
			t.Errorf("testdata/help/%s belongs to no command", e.Name())
		}
	}
}

func TestUsageErrors(t *testing.T) {
	cases := map[string]struct {
		args string
		want string
	}{
		"no command":                           {"", "Usage:\n  controlplane [command]"},
		"unknown command":                      {"sreve", "unknown command \"sreve\" for \"controlplane\"\n\nDid you mean this?\n\tserve"},
		"unknown command, other tools' name":   {"analyze", "Did you mean this?\n\tcheck\n"},
		"help about an unknown command":        {"help chek", "there is no help about \"chek\"\n\nDid you mean this?\n\tcheck\n"},
		"help about an unknown subcommand":     {"help inspect wiat", "there is no help about \"inspect wiat\"\n\nDid you mean this?\n\twait\n"},
		"help about an unknown list":           {"help inspect cleints", "Did you mean this?\n\tclients\n"},
		"help about nothing near":              {"help quickly", "there is no help about \"quickly\"\nRun 'controlplane --help'"},
		"an unknown shell":                     {"completion bsh", "unknown command \"bsh\" for \"controlplane completion\"\n\nDid you mean this?\n\tbash\n\nRun 'controlplane completion --help'"},
		"an unknown subcommand of check":       {"check instal", "stat instal: no such file or directory\n\nDid you mean this?\n\tinstall\n"},
		"a missing file of check":              {"check objects.yaml", "stat objects.yaml: no such file or directory\nRun"},
		"an unknown subcommand of inspect":     {"inspect wiat vs/x", "Did you mean this?\n\twait\n"},
		"an unknown list of inspect":           {"inspect problms", "Did you mean this?\n\tproblems\n"},
		"an unknown kind to describe":          {"describe hots cart", "Did you mean this?\n\thost\n"},
		"an unknown kind and name to describe": {"describe pood/cart", "Did you mean this?\n\tpod\n"},
		"unknown flag":                         {"serve --file x", "unknown flag: --file\n\nDid you mean this?\n\t--files\n\nRun 'controlplane serve --help'"},
		"unknown flag of check":                {"check --stict x", "unknown flag: --stict\n\nDid you mean this?\n\t--strict"},
		"the beginning of a flag":              {"check --file x", "unknown flag: --file\n\nDid you mean this?\n\t--filename\n"},
		"the beginning of a subcommand":        {"inspect wai", "Did you mean this?\n\twait\n"},
		"unknown flag, far from any":           {"serve --quickly", "unknown flag: --quickly\nRun 'controlplane serve --help'"},
		"unknown short flag":                   {"serve -q", "unknown shorthand flag: 'q' in -q\nRun 'controlplane serve --help'"},
		"two folders":                          {"serve x y", "unexpected argument \"y\": only one folder is served"},
		"a folder twice":                       {"serve -f x y", "unexpected argument \"y\": --files names the folder already"},
		"a folder and a cluster":               {"serve x --kubeconfig y", "--files and --kubeconfig exclude each other"},
		"an empty argument":                    {"version x", "unexpected argument \"x\""},
		"two sources":                          {"serve --files x --kubeconfig y", "--files and --kubeconfig exclude each other"},
		"context without its file":             {"serve --context kind", "--context needs --kubeconfig"},
		"log level":                            {"serve --log-level loud", "unknown log level \"loud\": it is one of"},
		"log format":                           {"serve --log-format xml", "unknown log format \"xml\": it is one of"},
		"negative grace":                       {"serve --shutdown-grace -1s", "--shutdown-grace must not be negative"},
		"load reports each hour":               {"serve --load-report-interval 1h", "--load-report-interval must be from 1s to 10m"},
		"replicas without a way to this one":   {"serve --peers replicas:15020", "--peers needs --metrics-address"},
		"replicas without a port":              {"serve --metrics-address 127.0.0.1:0 --peers replicas", "--peers is HOST:PORT"},
		"unknown identity":                     {"serve --identity trust", "unknown identity \"trust\": it is one of"},
		"TLS without a certificate":            {"serve --xds-tls-address :0", "--xds-tls-address needs --tls-certificates or"},
		"a certificate without TLS":            {"serve --tls-certificates x", "need --xds-tls-address"},
		"two certificates":                     {"serve --tls-certificates x --tls-self-signed y --xds-tls-address :0", "exclude each other"},
		"no port at all":                       {"serve --xds-address off", "--xds-address off needs --xds-tls-address"},
		"no admin address":                     {"serve --admin-address off", "--admin-address is HOST:PORT, not \"off\""},
		"an empty admin address":               {"serve --admin-address=", "--admin-address is HOST:PORT, not \"\""},
		"an empty xDS address":                 {"serve --xds-address=", "--xds-address is HOST:PORT, or off, and not empty"},
		"TLS that is off":                      {"serve --xds-tls-address off --tls-self-signed x", "--xds-tls-address is HOST:PORT: leave it out"},
		"an empty folder name":                 {"serve --files=", "--files is empty: name a folder"},
		"an empty kubeconfig name":             {"serve --kubeconfig=", "--kubeconfig is empty: name a file"},
		"a namespace of no name":               {"serve --namespaces shop,", "--namespaces has an empty name, or one with a space, in \"shop,\""},
		"a domain with a dot at its end":       {"serve --cluster-domain cluster.local.", "without a dot at its end"},
		"a domain of no name":                  {"check -f x --cluster-domain=", "--cluster-domain \"\" is not a domain"},
		"a trust domain with its scheme":       {"serve --trust-domain spiffe://cluster.local", "the part between spiffe:// and the next slash"},
		"an alias of no name":                  {"render -f x --trust-domain-aliases=a,spiffe://b", "--trust-domain-aliases: \"spiffe://b\" is not a trust domain"},
		"an alias of the trust domain itself":  {"check -f x --trust-domain-aliases cluster.local", "is the trust domain itself"},
		"a trust domain of no name":            {"render -f x --trust-domain=", "--trust-domain \"\" is not a trust domain"},
		"no namespace at all":                  {"check -f x --namespace=", "--namespace \"\" is not a namespace"},
		"a namespace in capitals":              {"serve --files x --namespace Shop", "--namespace \"Shop\" is not a namespace"},
		"a namespace of a cluster":             {"serve --namespace shop", "--namespace is for objects in files and needs --files"},
		"a namespace of a server":              {"explain --address x:1 --to a --call /a.B/C -n shop", "--namespace is for the --pod that states none"},
		"a domain of a server":                 {"explain --to a --call /a.B/C --cluster-domain example.com", "--cluster-domain is for objects in files and needs -f"},
		"retries of a server":                  {"explain --address x:1 --to a --call /a.B/C --default-retries off", "--default-retries is for objects in files and needs -f"},
		"a namespace for no pod":               {"explain --context x --to a --call /a.B/C -n shop --as shop", "--namespace is for the --pod that states none"},
		"two namespaces of a pod":              {"explain --to a --call /a.B/C -n shop --pod shop/web", "--namespace is for the --pod that states none"},
		"a pod of no namespace":                {"explain --to a --call /a.B/C -n Shop --pod web", "--namespace \"Shop\" is not a namespace"},
		"tokens without an audience":           {"serve --token-audience=", "--token-audience is empty"},
		"a step of no time":                    {"demo --step -1s", "--step must be more than 0"},
		"an admin host with its port":          {"serve --admin-hosts a:1", "--admin-hosts has \"a:1\": write names or addresses"},
		"an admin host of no name":             {"serve --admin-hosts a,,b", "--admin-hosts has \"\": write names or addresses"},
		"negative limit":                       {"serve --max-streams -1", "must not be negative"},
		"render without objects":               {"render", "-f FILE|DIR is needed"},
		"render of an unknown type":            {"render -f x --type sds", "unknown type \"sds\": it is one of"},
		"render to an unknown form":            {"render -f x -o xml", "unknown output \"xml\": it is one of"},
		"render as an empty application":       {"render -f x --as demo/", "invalid --as \"demo/\": it has the form"},
		"render in a bad zone":                 {"render -f x --zone a//b", "it has the form REGION/ZONE"},
		"render as two kinds":                  {"render -f x --client gRPC --agent gRPC", "it has the form KIND VERSION"},
		"explain what":                         {"explain -f x --call /a.B/C", "--to HOST[:PORT] is needed"},
		"explain no method":                    {"explain -f x --to a --call Say", "--call is needed in the form"},
		"explain from two sources":             {"explain -f x --context y --to a --call /a.B/C", "-f excludes --address, --kubeconfig, --context and --mizzen-namespace"},
		"explain to a URI":                     {"explain -f x --to http://a --http /a", "leave out the scheme and the path, or write the URI in --http"},
		"explain an empty call of HTTP":        {"explain -f x --to a --http=", "--http: there is no path: write METHOD PATH"},
		"explain with the name as a header":    {"explain -f x --to a --http /a --header host=b", "write the name in --to or in the URI"},
		"explain by the name of the flag":      {"explain -f x --to a --call /a.B/C --agent mizzen-java-agent", "--agent mizzen-java-agent makes plain HTTP calls"},
		"explain for half a pod":               {"explain -f x --to a --call /a.B/C --pod web", "--pod is NAMESPACE/NAME"},
		"explain for two clients":              {"explain -f x --to a --call /a.B/C --pod shop/web --as shop", "--pod excludes --as"},
		"explain at no port":                   {"explain --address localhost --to a --call /a.B/C", "--address is HOST:PORT"},
		"explain with half a header":           {"explain -f x --to a --call /a.B/C --header x", "invalid --header \"x\""},
		"check without objects":                {"check", "-f FILE|DIR is needed, or --context NAME or --kubeconfig FILE"},
		"check of files and a cluster":         {"check -f x --context y", "-f and arguments exclude --kubeconfig and --context"},
		"check of an empty context":            {"check --context=", "--context is empty"},
		"check of an empty kubeconfig":         {"check --kubeconfig=", "--kubeconfig is empty"},
		"check of all files":                   {"check -f x -A", "--all-namespaces is for a cluster"},
		"check of no namespace":                {"check --context y -n a/b", "--namespace \"a/b\" is not a namespace"},
		"check of an unknown cluster":          {"check --kubeconfig testdata/missing", "find the cluster: stat testdata/missing"},
		"check of nothing":                     {"check --filename=", "-f is empty: name a file or folder"},
		"check install as SARIF":               {"check install -o sarif", "unknown output \"sarif\": it is one of text, json"},
		"check install in a/b":                 {"check install --mizzen-namespace a/b", "--mizzen-namespace \"a/b\" is not a namespace"},
		"check install of no context":          {"check install --context=", "--context is empty"},
		"check install of no kubeconfig":       {"check install --kubeconfig testdata/missing", "find the cluster: stat testdata/missing"},
		"check install of something":           {"check install mizzen", "unexpected argument \"mizzen\""},
		"render of nothing":                    {"render -f x --filename=", "-f is empty: name a file or folder"},
		"check of a missing file":              {"check -f testdata/missing.yaml", "testdata/missing.yaml"},
		"inspect nothing":                      {"inspect", "one of clients, resources, problems, sync, servers, policies, clusters, edges, rollouts, unknown is needed"},
		"inspect an unknown list":              {"inspect routes", "one of clients, resources, problems, sync, servers, policies, clusters, edges, rollouts, unknown is needed"},
		"uninstall of nothing":                 {"uninstall", "--conditions is needed"},
		"uninstall in no time":                 {"uninstall --conditions --timeout -1s", "--timeout must not be negative"},
		"uninstall from no namespace":          {"uninstall --conditions --namespace=", "--mizzen-namespace is empty: name a namespace"},
		"uninstall from two namespaces":        {"uninstall --conditions --namespace a --mizzen-namespace b", "set only --mizzen-namespace"},
		"uninstall of a release":               {"uninstall --conditions mizzen", "unexpected argument \"mizzen\""},
		"inspect to an unknown form":           {"inspect clients -o xml", "unknown output \"xml\": it is one of"},
		"inspect an unknown type":              {"inspect clients --type sds", "unknown type \"sds\": it is one of lds"},
		"inspect types of Problems":            {"inspect problems --type lds", "--type is for clients and resources"},
		"inspect the host of Problems":         {"inspect problems --host x", "--host is for clients and resources"},
		"inspect clients by":                   {"inspect clients --by client", "--by is for sync"},
		"inspect by another thing":             {"inspect sync --by pod", "unknown --by \"pod\": it is one of object, client"},
		"inspect an impossible name":           {"inspect clients -n a/b", "--for-namespace \"a/b\" is not a namespace"},
		"inspect with both names":              {"inspect clients --namespace a --mizzen-namespace b", "--namespace is the older name of --mizzen-namespace"},
		"inspect at no port":                   {"inspect clients --address localhost", "--address is HOST:PORT"},
		"bootstrap without a port":             {"bootstrap --server-uri 127.0.0.1", "--server-uri \"127.0.0.1\" has no port: write HOST:PORT"},
		"bootstrap to nothing":                 {"bootstrap --server-uri=", "--server-uri \"\" has no port"},
		"bootstrap to a URL":                   {"bootstrap --server-uri http://a:1", "is not a gRPC target: write HOST:PORT, without http://"},
		"sign in no namespace":                 {"sign --mizzen-namespace a/b", "--mizzen-namespace \"a/b\" is not a namespace"},
		"sign for a minute":                    {"sign --leaf-lifetime 1m", "--leaf-lifetime is between 1h0m0s and 2184h0m0s"},
		"sign for a year":                      {"sign --leaf-lifetime 8760h", "--leaf-lifetime is between"},
		"sign by nobody":                       {"sign --workers 0", "--workers is between 1 and 256"},
		"sign for a URI":                       {"sign --trust-domain spiffe://a", "--trust-domain \"spiffe://a\" is not a trust domain"},
		"sign before it is published":          {"sign --publish-wait -1s", "--publish-wait and --retire-wait must not be negative"},
		"sign with profiles for all":           {"sign --admin-address :15014", "--admin-address must be on loopback; use --metrics-address"},
		"sign of no context":                   {"sign --context=", "--context is empty"},
		"sign something":                       {"sign pods", "unexpected argument \"pods\""},
		"an authority":                         {"authority mizzen", "unknown command \"mizzen\" for \"controlplane authority\""},
		"an authority in a strange form":       {"authority create -o json", "unknown output \"json\": it is one of text, yaml"},
		"an authority for an hour":             {"authority create --lifetime 1h", "--lifetime is at least 48h0m0s"},
		"an authority of no domain":            {"authority create --trust-domain=", "--trust-domain \"\" is not a trust domain"},
		"an authority in no namespace":         {"authority rotate --mizzen-namespace=", "--mizzen-namespace \"\" is not a namespace"},
		"an authority shown as YAML":           {"authority show -o yaml", "unknown output \"yaml\": it is one of text, json"},
		"an authority shown with odd waits":    {"authority show --retire-wait -1s", "must not be negative"},
		"version of two":                       {"version --client --context x", "--client excludes the flags that name a control plane"},
		"version in a strange form":            {"version -o yaml", "unknown output \"yaml\": it is one of text, json"},
		"bootstrap in a bad zone":              {"bootstrap --zone a/b/c/d", "it has the form REGION/ZONE"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", strings.Fields(c.args)...)
			if got.code != exitUsage || !strings.Contains(got.err, c.want) || got.stdout != "" {
				t.Errorf("got exit code %d, %q on standard output and %q on standard error, want 2, nothing and %q",
					got.code, got.stdout, got.err, c.want)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	cases := map[string]struct {
		args string
		want string
	}{
		"serve a missing folder":       {"serve --files testdata/missing", "open the folder of --files: stat testdata/missing"},
		"serve a file":                 {"serve --files main.go", "main.go is not a folder"},
		"serve a missing kubeconfig":   {"serve --kubeconfig testdata/missing", "read the file of --kubeconfig"},
		"serve on a bad xDS address":   {"serve --files . --xds-address 127.0.0.1:65536", "choose another address with --xds-address"},
		"serve on a bad admin address": {"serve --files . --xds-address 127.0.0.1:0 --admin-address 127.0.0.1:65536", "with --admin-address"},
		"explain a missing file":       {"explain -f testdata/missing.yaml --as a --to b --call /c/d", "testdata/missing.yaml"},
		"render a missing file":        {"render -f testdata/missing.yaml", "testdata/missing.yaml"},
		"sign for a missing cluster":   {"sign --kubeconfig testdata/missing", "find the cluster: stat testdata/missing"},
		"show in a missing cluster":    {"authority show --kubeconfig testdata/missing", "find the cluster: stat testdata/missing"},
		"uninstall a missing cluster":  {"uninstall --conditions --kubeconfig testdata/missing", "find the cluster: stat testdata/missing"},
		"uninstall a missing context":  {"uninstall --conditions --kubeconfig testdata/bootstrap.json --context x", "find the cluster: "},
		"inspect in a namespace":       {"inspect clients --namespace shop --kubeconfig testdata/bootstrap.json", "--namespace names the namespace in which Mizzen runs: write -n shop"},
		"inspect without a cluster":    {"inspect clients --mizzen-namespace shop --kubeconfig /dev/null", "there is no kubeconfig, or it is empty: name one with --kubeconfig"},
		"inspect a closed port":        {"inspect clients --address 127.0.0.1:1", "no control plane answers at 127.0.0.1:1 (set its admin address with --address): dial tcp"},
		"inspect a missing context":    {"inspect clients --context kind-x --kubeconfig testdata/kubeconfig.yaml", `context "kind-x" does not exist; the kubeconfig has kind-mizzen, prod`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), "", strings.Fields(c.args)...)
			if got.code != exitFailure || !strings.Contains(got.err, c.want) {
				t.Errorf("got exit code %d and %q on standard error, want 1 and %q", got.code, got.err, c.want)
			}
		})
	}
}

// TestHelpCommand prints the help that the flag prints.
func TestHelpCommand(t *testing.T) {
	for _, args := range []string{"", "check", "check install", "inspect wait", "inspect clients", "completion bash"} {
		words := strings.Fields(args)
		want := command(t.Context(), "", append(words, "--help")...)
		if got := command(t.Context(), "", append([]string{"help"}, words...)...); got.code != exitOK || got.stdout != want.stdout || got.stdout == "" {
			t.Errorf("help %s: got exit code %d and %q, want 0 (-want +got):\n%s", args, got.code, got.err, cmp.Diff(want.stdout, got.stdout))
		}
	}
}
