package main

import (
	"strings"
	"testing"
)

// TestInspectUnknownNames expects an error with a near name for a name that no object has. The name of an object that exists
// is no error, even if the list is empty for it.
func TestInspectUnknownNames(t *testing.T) {
	s := startServe(t, "--files", demoDir)
	const met = "controlplane: there is no object with the name "
	for args, test := range map[string]struct {
		code int
		says string
	}{
		"problems":                                       {exitOK, ""},
		"problems greeter":                               {exitOK, ""},
		"problems demo/greeter":                          {exitOK, ""},
		"problems vs/greeter":                            {exitOK, ""},
		"problems svc/demo/greeter":                      {exitOK, ""},
		"problems NoSuchSubset":                          {exitOK, ""},
		"problems vs":                                    {exitOK, ""},
		"problems services":                              {exitOK, ""},
		"problems virtualservice.yaml":                   {exitOK, ""},
		"problems node/node-1":                           {exitOK, ""}, // the demo has no nodes: which there are is not known
		"sync greeter":                                   {exitOK, ""},
		"sync svc/greeter":                               {exitOK, ""},
		"unknown greter":                                 {exitOK, ""},
		"clients --host greeter":                         {exitOK, ""},
		"problems greter":                                {exitFailure, met + `"greter": did you mean VirtualService demo/greeter?` + "\n"},
		"problems greeter greter":                        {exitFailure, met + `"greter": did you mean`},
		"problems vs/greter":                             {exitFailure, met + `"vs/greter": did you mean VirtualService demo/greeter?`},
		"problems greeter -n shop":                       {exitFailure, met + `"greeter" in namespace shop: did you mean VirtualService demo/greeter?`},
		"problems NoSuchSubst":                           {exitFailure, met + `"NoSuchSubst": did you mean NoSuchSubset?`},
		"problems nothing-like-it":                       {exitFailure, met + `"nothing-like-it"` + "\n"},
		"problems greter -o json":                        {exitFailure, met},
		"sync dr/greter":                                 {exitFailure, met + `"dr/greter": did you mean DestinationRule demo/greeter?`},
		"sync --by client x":                             {exitFailure, `there is no connected client with the name "x"`},
		"clients x":                                      {exitFailure, `there is no connected client with the name "x"`},
		"problems pod/web-0":                             {exitFailure, met + `"pod/web-0"`},
		"resources --host greeter.demo:50052":            {exitFailure, `there is no host "greeter.demo:50052"; Service demo/greeter has port 50051 (grpc): dial greeter.demo:50051`},
		"clients --host greter -n demo":                  {exitFailure, `there is no host "greter"; did you mean greeter?`},
		"resources --host greeter.shop":                  {exitFailure, `there is no host "greeter.shop"; Service demo/greeter has the name: dial greeter.demo`},
		"resources greeter.demo.svc:1":                   {exitFailure, `there is no resource with the name "greeter.demo.svc:1"`},
		"resources greeter.demo.svc.cluster.local:50052": {exitFailure, `did you mean greeter.demo.svc.cluster.local:50051?`},
		"edges":                         {exitOK, ""},
		"edges greeter":                 {exitOK, ""},
		"edges --to demo/greeter":       {exitOK, ""},
		"edges --to greeter.demo":       {exitOK, ""},
		"edges --to greeter.demo:50051": {exitOK, ""},
		"edges --to demo/greeter:50051": {exitOK, ""},
		"edges greeter:50051":           {exitOK, ""},
		"edges --to greeter.demo:50052": {exitFailure, `Service demo/greeter has port 50051 (grpc): dial greeter.demo:50051`},
		"edges --to demo/greeter:50052": {exitFailure, `Service demo/greeter has port 50051 (grpc): dial greeter.demo:50051`},
		"edges --to greter":             {exitFailure, `there is no Service with the name "greter": did you mean greeter?`},
		"edges --from nothing-like-it":  {exitFailure, `there is no client with the name "nothing-like-it"` + "\n"},
		"edges --from x --to greeter":   {exitFailure, `there is no client with the name "x"`},
		"edges greter -o json":          {exitFailure, `there is no client or Service with the name "greter": did you mean greeter?`},
		"rollouts":                      {exitOK, ""},
		"rollouts greeter":              {exitFailure, `there is no rollout or pin with the name "greeter"` + "\n"},
		"servers x":                     {exitFailure, `there is no server that is configured by xDS with the name "x"`},
		"clusters x":                    {exitFailure, `there is no remote cluster with the name "x"`},
	} {
		t.Run(args, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"inspect", "--address", s.admin}, strings.Fields(args)...)...)
			if got.code != test.code || !strings.Contains(got.err, test.says) || test.code == exitOK && strings.Contains(got.err, "there is no") {
				t.Errorf("got exit code %d, %q and %q, want %d and %q", got.code, got.stdout, got.err, test.code, test.says)
			}
			if printed := strings.Contains(args, "greeter greter") || test.code == exitOK; printed != (got.stdout != "") {
				t.Errorf("got %q on standard output, want a list: %t", got.stdout, printed)
			}
		})
	}
	older := adminAt(t, map[string][]string{"/api/problems": {"[]"}})
	if got := command(t.Context(), "", "inspect", "problems", "greter", "--address", older); got.code != exitOK {
		t.Errorf("an older control plane: got exit code %d and %q, want 0", got.code, got.err)
	}
}
