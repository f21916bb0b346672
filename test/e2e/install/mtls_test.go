//go:build e2e && mtls

package install_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

const (
	// mtlsPage is the section that is followed.
	mtlsPage = "STRICT in one namespace in ten minutes"
	// strangerImage is the client of examples/go.
	strangerImage = "docker.io/library/greeter-client-go:dev"
	// plaintext and callerID are what servers see of their clients: no identity, or the identity of the clients' account.
	plaintext = ""
	callerID  = "spiffe://cluster.local/ns/shop/sa/greeter-client"
)

// languages are those of servers and clients.
var languages = flag.String("languages", "go,java,python,node", "languages of servers and clients")

// TestMTLS follows docs/MTLS.md with its commands. The servers of one Service are in four languages, and so are its clients, which call it from
// beginning to end: from plaintext to STRICT with policies, and back. No call may fail. The steps depend on each other.
func TestMTLS(t *testing.T) {
	s := beginMTLS(t)
	s.forward(t)
	s.step("a policy is tried without enforcing it", s.dryRun)
	s.step("kubelet's probes reach servers that demand certificates", s.probes)
	s.step("a pod that asks for another pod's listener", s.thief)
	s.back(t)
	s.report(t)
}

// report logs how many calls were made.
func (s *mtlsStory) report(t *testing.T) {
	t.Helper()
	for _, k := range s.calls {
		t.Logf("%s: %d calls", k.Pod, k.Tally(t).OK)
	}
}

// mtlsStory is a namespace on its way.
type mtlsStory struct {
	*installation

	apps applications
	page page
	// clients are the calls by language.
	clients map[string]*node.Calls
}

func beginMTLS(t *testing.T) *mtlsStory {
	t.Helper()
	c := node.Up(t)
	apps := newApplications(t, strings.Split(*languages, ","))
	c.Load(t, strangerImage, "../../../examples/go/client")
	install(t, c, "dev")
	t.Cleanup(func() { c.Kubectl(t, "delete", "namespace", system, "--timeout="+node.Patience.String()) })
	s := &mtlsStory{apps: apps, page: transcripts(t, c, "docs/MTLS.md", mtlsPage), clients: map[string]*node.Calls{}}
	s.page.files(t, "docs/MTLS.md", mtlsPage, strings.NewReplacer("greeter.v1.Greeter", "interop.Echo")) // the service of the test's applications
	c.CreateNamespace(t, shop)
	s.installation = newInstallation(t, c, shop)
	s.c.Kubectl(t, "label", "namespace", shop, "mizzen.dev/inject=enabled")
	s.awaitInjected(t, "GRPC_XDS_BOOTSTRAP_CONFIG")
	c.Apply(t, shop, apps.objects())
	s.rolledOut(t)
	for _, p := range apps.programs {
		s.clients[p.language] = apps.calls(c, p.language)
	}
	s.calls = slices.Collect(maps.Values(s.clients))
	for _, k := range s.calls {
		k.Begin(t)
	}
	return s
}

// forward takes the namespace to STRICT with a policy.
func (s *mtlsStory) forward(t *testing.T) {
	t.Helper()
	s.step("calls are in plaintext", func(t *testing.T) { s.peers(t, plaintext) })
	s.step("the signer", func(t *testing.T) {
		s.page.run(t, "controlplane authority create")
		s.awaitInjected(t, "GRPC_XDS_BOOTSTRAP_CONFIG")
	})
	s.step("pods get certificates", func(t *testing.T) {
		s.page.run(t, "kubectl label namespace shop mizzen.dev/identity=spiffe")
		s.rolledOut(t)
		s.peers(t, plaintext)
	})
	s.step("servers serve mTLS, one workload after the other", func(t *testing.T) {
		for i, p := range s.apps.programs {
			s.perWorkload(t, `{"spec": {"template": {"metadata": {"labels": {"mizzen.dev/server": "xds"}}}}}`, p)
			if i+1 < len(s.apps.programs) {
				s.peers(t, plaintext, callerID)
			}
		}
		s.peers(t, callerID)
	})
	s.step("everybody can follow", func(t *testing.T) {
		got := s.page.run(t, "kubectl -n shop get services")
		if strings.Contains(got, "error") || !strings.Contains(got, fmt.Sprintf("%[1]d of %[2]d workloads can enforce policies", len(s.apps.programs), 2*len(s.apps.programs))) {
			t.Errorf("got:\n%s", got)
		}
	})
	s.step("STRICT", func(t *testing.T) {
		s.page.run(t, "kubectl apply -f strict.yaml")
		s.acknowledged(t)
		s.peers(t, callerID)
	})
	s.step("a policy", func(t *testing.T) {
		got := s.page.run(t, "controlplane authz explain")
		if !strings.Contains(got, "shop/greeter") {
			t.Errorf("got:\n%s", got)
		}
		s.acknowledged(t)
		s.peers(t, callerID)
		s.page.run(t, "kubectl -n shop run stranger")
		s.stranger(t)
	})
}

// back is the reverse of forward.
func (s *mtlsStory) back(t *testing.T) {
	t.Helper()
	s.step("without policies", func(t *testing.T) {
		s.page.run(t, "kubectl -n shop delete authorizationpolicy greeter")
		s.acknowledged(t)
		s.peers(t, callerID)
	})
	s.step("servers serve plaintext, one workload after the other", func(t *testing.T) {
		for _, p := range slices.Backward(s.apps.programs) {
			s.perWorkload(t, `{"spec": {"template": {"metadata": {"labels": {"mizzen.dev/server": null}}}}}`, p)
		}
		s.peers(t, plaintext)
	})
	s.step("without certificates", func(t *testing.T) {
		s.page.run(t, "kubectl label namespace shop mizzen.dev/identity-")
		s.rolledOut(t)
		s.peers(t, plaintext)
	})
}

// perWorkload runs the page's commands for the Deployment greeter with this patch, for the server in a language.
func (s *mtlsStory) perWorkload(t *testing.T, patch string, p program) {
	t.Helper()
	first := "kubectl -n shop patch deployment greeter --patch '" + patch + "'"
	one := s.page
	one.transcripts = slices.Clone(one.transcripts)
	for i, text := range one.transcripts {
		one.transcripts[i] = strings.NewReplacer("deployment greeter ", "deployment greeter-"+p.language+" ", "deployment/greeter\n", "deployment/greeter-"+p.language+"\n").Replace(text)
	}
	one.run(t, strings.Replace(first, "deployment greeter ", "deployment greeter-"+p.language+" ", 1))
}

func (s *mtlsStory) rolledOut(t *testing.T) {
	t.Helper()
	for _, p := range s.apps.programs {
		for _, app := range []string{"greeter-", "greeter-client-"} {
			s.c.AwaitRollout(t, shop, "deployment/"+app+p.language)
		}
	}
}

// acknowledged waits until all clients and servers have what the objects say now.
func (s *mtlsStory) acknowledged(t *testing.T) {
	t.Helper()
	s.types(t, 0, "", "inspect", "wait", "--for", "acknowledged", "--timeout", "60s")
}

// awaitInjected waits until new pods have a text.
func (s *mtlsStory) awaitInjected(t *testing.T, want string) {
	t.Helper()
	s.c.Await(t, "new pods have "+want, func() error {
		text := s.c.Kubectl(t, "--namespace", shop, "run", "probe", "--image="+appImage, "--dry-run=server", "--output=json")
		if !strings.Contains(text, want) {
			return errors.New("they do not")
		}
		return nil
	})
}

// peers waits until servers see these identities, and no other, of the clients in all languages.
func (s *mtlsStory) peers(t *testing.T, want ...string) {
	t.Helper()
	for _, k := range s.calls {
		k.Await(t, fmt.Sprintf("servers see %q", want), func(now node.Tally) error {
			var got []string
			for by := range now.By {
				if peer, ok := strings.CutPrefix(by, "peer "); ok {
					got = append(got, peer)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				return fmt.Errorf("got %q", got)
			}
			return nil
		})
	}
}

// tally adds the results of all pods of a client. The last second is the newest pod's.
func (a applications) tally(t *testing.T, language string) (sum node.Tally) {
	t.Helper()
	files := must(filepath.Glob(filepath.Join(a.results, "greeter-client-"+language+"-*")))(t)
	var newest time.Time
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || strings.HasSuffix(file, ".new") {
			continue
		}
		var one node.Tally
		if err := json.Unmarshal(must(os.ReadFile(file))(t), &one); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		sum.OK += one.OK
		sum.Failed += one.Failed
		sum.Error += one.Error
		if info.ModTime().After(newest) {
			newest, sum.By = info.ModTime(), one.By
		}
	}
	return sum
}
