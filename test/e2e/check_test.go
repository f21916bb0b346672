//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// finding is a line of `controlplane check install -o json`.
type finding struct{ Check, Status, Found, Do string }

// TestCheckInstall checks the installation in the manifests, then breaks three things. Then an account without rights checks it: each
// right that is missing is named. There is no kubelet that forwards ports, so the versions of the replicas are not known.
func TestCheckInstall(t *testing.T) {
	installDefinitions(t)
	install(t, "overlays/dev")
	ns := newInjectedNamespace(t)
	runReplicas(t)
	kubectl(t, plainClient, "--namespace", ns, "apply", "--filename=-")
	await(t, "an installation without faults", func() error {
		code, all := checkInstall(t, suite.kubeconfig)
		for _, f := range all {
			if f.Status != "OK" && f.Check != "versions" && f.Check != "lease" {
				return fmt.Errorf("got %+v", f)
			}
		}
		if code != 0 || len(all) < 10 {
			return fmt.Errorf("got exit code %d and %+v", code, all)
		}
		return nil
	})

	t.Cleanup(func() { install(t, "overlays/dev") })
	kubectl(t, "", "--namespace", systemNamespace, "delete", "configmap", "mizzen-injection")
	kubectl(t, "", "delete", "clusterrolebinding", "mizzen")
	kubectl(t, denyEgress, "--namespace", ns, "apply", "--filename=-")
	await(t, "three faults", func() error {
		code, all := checkInstall(t, suite.kubeconfig)
		failed := []string{}
		for _, f := range all {
			if f.Status == "FAIL" {
				failed = append(failed, f.Check)
			}
		}
		if want := []string{"rights", "bootstrap", "network"}; code != 1 || !slices.Equal(failed, want) {
			return fmt.Errorf("got exit code %d and %q failed, want 1 and %q; all: %+v", code, failed, want, all)
		}
		return nil
	})

	t.Run("without rights", func(t *testing.T) {
		kubeconfig := must(suite.cluster.Kubeconfig("nobody"))(t)
		code, all := checkInstall(t, kubeconfig)
		unread := 0
		for _, f := range all {
			if f.Status == "FAIL" {
				t.Errorf("got %+v, want no failure: it was not found", f)
			}
			if strings.Contains(f.Found, "your account may not ") {
				unread++
			}
		}
		if code != 0 || unread < 8 {
			t.Errorf("got exit code %d and %d checks that could not be made, want 0 and at least 8: %+v", code, unread, all)
		}
	})
}

// TestCheckCluster checks the rules in the cluster, and names what an account may not list.
func TestCheckCluster(t *testing.T) {
	installDefinitions(t)
	ns := newNamespace(t)
	newService(t, ns)
	kubectl(t, unsupportedRules, "--namespace", ns, "apply", "--filename=-")
	out, said, code := checkCommand(t, "-n", ns, "--kubeconfig", suite.kubeconfig)
	for _, want := range []string{"warning Unsupported VirtualService " + ns + "/unfollowed spec.http[1].mirrors", "warning Unsupported DestinationRule " + ns + "/unfollowed"} {
		if !strings.Contains(out, want) {
			t.Errorf("got exit code %d,\n%s\nand\n%s\nwant %q", code, out, said, want)
		}
	}
	if other, _, _ := strings.Cut(ns, "-"); strings.Count(out, " VirtualService ") != strings.Count(out, " VirtualService "+other) {
		t.Errorf("got Problems of other namespaces:\n%s", out)
	}
	kubectl(t, "", "create", "clusterrolebinding", ns, "--clusterrole=view", "--user=half")
	await(t, "all but nodes and policies", func() error {
		out, said, code := checkCommand(t, "--kubeconfig", must(suite.cluster.Kubeconfig("half"))(t))
		if code != 0 || strings.Count(out, "warning SourceLost") != 2 || !strings.Contains(out, "the right to list nodes in the cluster") || !strings.Contains(out, "unfollowed") {
			return fmt.Errorf("got exit code %d,\n%s\nand\n%s\nwant 0, the rules, and that nodes and policies cannot be listed", code, out, said)
		}
		return nil
	})
	if out, said, code := checkCommand(t, "--kubeconfig", must(suite.cluster.Kubeconfig("nobody"))(t)); code != 2 || out != "" || !strings.Contains(said, "cannot list resource") {
		t.Errorf("without rights: got exit code %d, %q and %q, want 2 and the reason", code, out, said)
	}
}

// plainClient is a pod that is injected, on a node.
const plainClient = `{apiVersion: v1, kind: Pod, metadata: {name: client, labels: {app: client}}, spec: {nodeName: node-a, containers: [{name: app, image: x}]}}`

const denyEgress = `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny}, spec: {podSelector: {}, policyTypes: [Egress]}}`

// runReplicas has the replicas run on a node until the test ends. There is no scheduler.
func runReplicas(t *testing.T) {
	t.Helper()
	patch := func(value string) {
		kubectl(t, "", "--namespace", systemNamespace, "patch", "deployment", "mizzen", "--type=merge", `--patch={"spec":{"template":{"spec":{"nodeName":`+value+`}}}}`)
	}
	t.Cleanup(func() { patch("null") })
	patch(`"node-a"`)
}

func checkInstall(t *testing.T, kubeconfig string) (code int, all []finding) {
	t.Helper()
	out, said, code := checkCommand(t, "install", "--kubeconfig", kubeconfig, "-o", "json")
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatalf("%v in %q; %s", err, out, said)
	}
	return code, all
}

// checkCommand runs `controlplane check`.
func checkCommand(t *testing.T, args ...string) (out, said string, code int) {
	t.Helper()
	cmd := exec.Command(suite.binary, append([]string{"check"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}
