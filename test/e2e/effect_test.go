//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestErrorsOfClients has a rule that encrypts and a client without certificates, which is connected to a replica that does
// not write conditions. The condition, the Event, the list and `inspect wait` say the same, until the rule is mended.
// kubectl waits for the current version of a condition.
func TestErrorsOfClients(t *testing.T) {
	installDefinitions(t)
	install(t, "overlays/dev")
	ns := newNamespace(t)
	newService(t, ns)
	newDeployment(t, ns, "v1", 1)
	encrypt := func(mode string) {
		kubectl(t, fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo, namespace: %s}\n"+
			"spec: {host: echo, trafficPolicy: {tls: {mode: %s}}}\n", ns, mode), "apply", "-f", "-")
	}
	waitFor := func(condition string) error {
		cmd := exec.Command(filepath.Join(must(binaries())(t), "kubectl"), "--kubeconfig", suite.kubeconfig,
			"-n", ns, "wait", "--for=condition="+condition, "--timeout=20s", "destinationrule/echo")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("wait for %s: %w: %s", condition, err, text)
		}
		return nil
	}
	encrypt("DISABLE")
	t.Run("while a control plane runs", func(t *testing.T) {
		flags := []string{"--write-status", "on", "--kubeconfig", accountKubeconfig(t), "--identity", "claim"}
		leader := startControlPlane(t, flags...)
		if err := waitFor("mizzen.dev/Programmed=True"); err != nil {
			t.Fatal(err)
		}
		p := startControlPlane(t, flags...)
		client := dial(t, p, ns, "echo:50051")
		await(t, "a call", func() error {
			_, err := call(t.Context(), client)
			return err
		})
		inspect := func(args ...string) (string, error) {
			out, err := exec.Command(suite.binary, append([]string{"inspect"}, append(args, "--address", leader.admin+","+p.admin)...)...).CombinedOutput()
			return string(out), err
		}

		encrypt("ISTIO_MUTUAL")
		await(t, "a call that fails", func() error {
			if _, err := call(t.Context(), client); err == nil {
				return errors.New("it succeeds")
			}
			return nil
		})
		if err := waitFor("mizzen.dev/Programmed=False"); err != nil {
			t.Fatal(err)
		}
		if text, err := inspect("problems", "-n", ns); err != nil || !strings.Contains(text, "NoCertificate") {
			t.Errorf("inspect problems: got %v and %s, want NoCertificate", err, text)
		}
		if text, err := inspect("wait", "-n", ns, "dr/echo"); err == nil || !strings.Contains(text, "NoCertificate") {
			t.Errorf("inspect wait: got %v and %s, want an error with NoCertificate", err, text)
		}
		if text, err := inspect("problems", "-n", ns, "dr/ehco"); err == nil || !strings.Contains(text, "did you mean DestinationRule "+ns+"/echo?") {
			t.Errorf("inspect problems of an unknown name: got %v and %s, want an error with the name that is meant", err, text)
		}
		kubectl(t, fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: other, namespace: %s}\n"+
			"spec: {hosts: [other.example], http: [{route: [{destination: {host: echo, subset: v9}}]}]}\n", ns), "apply", "-f", "-")
		if text, err := inspect("wait", "-n", ns, "vs/other", "--timeout", "2s"); err == nil || !strings.Contains(text, "is not in effect yet: NoSuchSubset") {
			t.Errorf("inspect wait for a rule with an error: got %v and %s, want an error with NoSuchSubset", err, text)
		}
		kubectl(t, "", "-n", ns, "delete", "virtualservice", "other")
		await(t, "an Event", func() error {
			events, err := suite.core.EventsV1().Events(ns).List(t.Context(), metav1.ListOptions{FieldSelector: "regarding.name=echo,reason=NoCertificate"})
			if err == nil && len(events.Items) != 1 {
				err = fmt.Errorf("got %d, want 1", len(events.Items))
			}
			return err
		})

		encrypt("DISABLE")
		if err := waitFor("mizzen.dev/Programmed=True"); err != nil {
			t.Fatal(err)
		}
		if text, err := inspect("wait", "-n", ns, "dr/echo"); err != nil {
			t.Errorf("inspect wait: got %v and %s", err, text)
		}
	})

	// No process writes any more. The conditions are about an older version than the object.
	var rule struct {
		Metadata struct{ Generation int64 }
		Status   struct {
			Conditions []struct{ ObservedGeneration json.Number }
		}
	}
	read := func() string {
		out := must(exec.Command(filepath.Join(must(binaries())(t), "kubectl"), "--kubeconfig", suite.kubeconfig, "-n", ns, "get", "destinationrule", "echo", "-o", "json").Output())(t)
		if err := json.Unmarshal(out, &rule); err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	text := read()
	for _, c := range rule.Status.Conditions {
		if want := fmt.Sprint(rule.Metadata.Generation); c.ObservedGeneration.String() != want || strings.Contains(text, `"observedGeneration": "`) {
			t.Errorf("got observedGeneration %s, want the number %s:\n%s", c.ObservedGeneration, want, text)
		}
	}
	encrypt("SIMPLE")
	cmd := exec.Command(filepath.Join(must(binaries())(t), "kubectl"), "--kubeconfig", suite.kubeconfig,
		"-n", ns, "wait", "--for=condition=mizzen.dev/Programmed=True", "--timeout=1s", "destinationrule/echo")
	if said, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(said), "timed out") {
		t.Errorf("kubectl wait, with a condition of an older version: got %v and %s, want it to time out", err, said)
	}
}
