package authz_test

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/authz/audit"
	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/inbound"
)

// logged takes the place of gRPC's logger to the standard output.
type logged struct {
	mu    sync.Mutex
	rules []string
}

// Name implements audit.LoggerBuilder.
func (l *logged) Name() string { return "stdout_logger" }

// ParseLoggerConfig implements audit.LoggerBuilder.
func (l *logged) ParseLoggerConfig(json.RawMessage) (audit.LoggerConfig, error) { return nil, nil } //nolint:nilnil // it has no settings

// Build implements audit.LoggerBuilder.
func (l *logged) Build(audit.LoggerConfig) audit.Logger { return l }

// Log implements audit.Logger.
func (l *logged) Log(event *audit.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rules = append(l.rules, event.MatchedRule)
}

// take returns what was logged since, sorted.
func (l *logged) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Sorted(slices.Values(l.rules))
	l.rules = nil
	return all
}

// TestShadow has a real server log what policies in dry run, and those that audit, would do with calls. It allows all of them.
func TestShadow(t *testing.T) {
	log := &logged{}
	audit.RegisterLoggerBuilder(log)
	web := []*security.Rule{{
		From: []*security.Rule_From{{Source: &security.Source{ServiceAccounts: []string{"web"}}}},
		To:   []*security.Rule_To{{Operation: &security.Operation{Paths: []string{"/shop.Cart/*"}}}},
	}, {
		From: []*security.Rule_From{{Source: &security.Source{ServiceAccounts: []string{"jobs"}}}},
	}}
	var shadow []*mesh.AuthorizationPolicy
	for name, action := range map[string]security.AuthorizationPolicy_Action{
		"allow": security.AuthorizationPolicy_ALLOW, "audit": security.AuthorizationPolicy_AUDIT, "deny": security.AuthorizationPolicy_DENY,
	} {
		shadow = append(shadow, &mesh.AuthorizationPolicy{
			Ref:  mesh.Ref{Kind: "AuthorizationPolicy", Namespace: "shop", Name: name},
			Spec: &security.AuthorizationPolicy{Action: action, Rules: web}, DryRun: name != "audit", LogCalls: true,
		})
	}
	server := newRealServer(t, shadow...)
	deny, allow := inbound.Rules(nil, inbound.RulesInput{Policies: mesh.MakeList(shadow...), Secure: true, Port: 1, Kind: mesh.GRPCGo})
	if err := server.update(t, []rules{{deny, allow}}); err != nil {
		t.Fatal(err)
	}
	log.take()
	matches := []string{"shop/allow would allow", "shop/audit matches", "shop/deny would deny"}
	others := []string{"shop/allow would deny", "shop/audit does not match", "shop/deny would allow"}
	for _, test := range []struct {
		principal, method string
		want              []string
	}{
		{"spiffe://cluster.local/ns/shop/sa/web", "/shop.Cart/Get", matches},
		{"spiffe://cluster.local/ns/shop/sa/web", "/shop.Admin/Get", others},
		{"spiffe://cluster.local/ns/shop/sa/jobs", "/shop.Admin/Get", matches},
		{"spiffe://cluster.local/ns/team-a/sa/web", "/shop.Cart/Get", others},
	} {
		call := authz.Call{Principals: []string{test.principal}, Method: test.method, Authority: authorities[0], Peer: peers[0]}
		if !server.allows(t, call, 0) {
			t.Errorf("%s %s: the call is denied", test.principal, test.method)
		}
		if diff := cmp.Diff(log.take(), test.want); diff != "" {
			t.Errorf("%s %s (-got +want):\n%s", test.principal, test.method, diff)
		}
	}
}
