//go:build e2e && mtls

package install_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

// program is an xDS server and a client of package interop, which are in one folder of its cache. Pods run them from the files of their node.
type program struct {
	language string
	// server and client are command lines with CACHE for that folder and INTEROP for the package.
	server, client, env string
	// probe is what kubelet asks. gRPC for Node serves no probe beside mTLS.
	probe string
}

const grpcProbe, tcpProbe = "grpc: {port: 50051}", "tcpSocket: {port: 50051}"

func programs() []program {
	const java = "java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx128m -cp CACHE/classes:CACHE/lib/*"
	return []program{
		{"go", "CACHE/server [::]:50051", "CACHE/client", "", grpcProbe},
		{"java", java + " Server [::]:50051", java + " Client", "", grpcProbe},
		{"python", "CACHE/bin/python INTEROP/servers/python/server.py [::]:50051", "CACHE/bin/python INTEROP/clients/python/client.py", "", grpcProbe},
		{"node", "node INTEROP/servers/node/server.js [::]:50051", "node INTEROP/clients/node/client.js", "CACHE/node_modules", tcpProbe},
	}
}

// applications are a server and a client in each language.
type applications struct {
	programs []program
	// mounts are the folders of the node that the programs need.
	mounts []string
	// results is where clients keep the results of their calls.
	results string
}

// newApplications finds the programs, which test/interop/setup.sh has built.
func newApplications(t *testing.T, wanted []string) applications {
	t.Helper()
	interop := must(filepath.Abs("../../interop"))(t)
	setup := exec.CommandContext(t.Context(), filepath.Join(interop, "setup.sh"))
	setup.Stderr = os.Stderr // it says what is missing
	text := must(setup.Output())(t)
	folders := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, folder, _ := strings.Cut(strings.TrimSpace(line), "=")
		folders[name] = filepath.Join(interop, folder)
	}
	tool := func(name string) string {
		return must(filepath.EvalSymlinks(must(exec.LookPath(name))(t)))(t)
	}
	a := applications{mounts: []string{"/usr", "/lib", "/lib64", interop}, results: t.TempDir()}
	python := strings.TrimSpace(string(must(exec.CommandContext(t.Context(), "python3", "-c", "import sys; print(sys.base_prefix)").Output())(t)))
	a.mounts = append(a.mounts, must(filepath.Glob("/etc/java*"))(t)...)
	if !strings.HasPrefix(python, "/usr/") && python != "/usr" {
		a.mounts = append(a.mounts, python)
	}
	for _, p := range programs() {
		if !slices.Contains(wanted, p.language) {
			continue
		}
		fill := strings.NewReplacer("CACHE", folders[p.language], "INTEROP", interop, "java -XX", tool("java")+" -XX", "node INTEROP", tool("node")+" "+interop)
		p.server, p.client, p.env = fill.Replace(p.server), fill.Replace(p.client), fill.Replace(p.env)
		a.programs = append(a.programs, p)
	}
	return a
}

// objects are the Service greeter, and the Deployments greeter-LANGUAGE behind it and greeter-client-LANGUAGE that call it.
func (a applications) objects() string {
	var b strings.Builder
	b.WriteString(`
apiVersion: v1
kind: Service
metadata: {name: greeter}
spec: {selector: {app: greeter}, ports: [{name: grpc, port: 50051}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: greeter}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: greeter-client}
`)
	for _, p := range a.programs {
		b.WriteString(a.deployment("greeter", p, strings.Fields(p.server), fmt.Sprintf(`
        readinessProbe: {%s, periodSeconds: 1}
        lifecycle: {preStop: {sleep: {seconds: 3}}}`, p.probe)))
		drive := append([]string{"/app", "drive", a.results, "xds:///greeter"}, strings.Fields(p.client)...)
		b.WriteString(a.deployment("greeter-client", p, drive, ""))
	}
	return b.String()
}

// deployment runs a command with the files of its node, as root because some of them are root's.
func (a applications) deployment(app string, p program, command []string, more string) string {
	var volumes, mounts strings.Builder
	for i, path := range append([]string{a.results}, a.mounts...) {
		fmt.Fprintf(&volumes, "\n      - {name: v%d, hostPath: {path: %q}}", i, path)
		fmt.Fprintf(&mounts, "\n        - {name: v%d, mountPath: %q, readOnly: %t}", i, path, i > 0)
	}
	return fmt.Sprintf(`
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s-%[2]s}
spec:
  selector: {matchLabels: {app: %[1]s, language: %[2]s}}
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  template:
    metadata:
      labels: {app: %[1]s, language: %[2]s}
      annotations: {mizzen.dev/xds: plaintext}
    spec:
      serviceAccountName: %[1]s
      securityContext: {runAsUser: 0}
      terminationGracePeriodSeconds: 15
      volumes:%[3]s
      containers:
      - name: app
        image: %[4]s
        imagePullPolicy: Never
        command: ["%[5]s"]
        env:
        - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: VERSION, value: %[2]s}
        - {name: NODE_PATH, value: %[6]q}%[7]s
        volumeMounts:%[8]s
`, app, p.language, volumes.String(), appImage, strings.Join(command, `", "`), p.env, more, mounts.String())
}

// calls are the calls of the client in a language, whichever pod makes them.
func (a applications) calls(c *node.Cluster, language string) *node.Calls {
	k := &node.Calls{Cluster: c, Namespace: shop, Pod: "the client in " + language, Versions: versions}
	k.Read = func(t *testing.T) node.Tally { return a.tally(t, language) }
	return k
}
