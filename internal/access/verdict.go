package access

import (
	"fmt"
	"slices"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Answer decides a call to a Service. A call may reach any of its pods, so it is allowed only if all of them allow it.
func Answer(w *mesh.World, q Question) (authz.Verdict, error) {
	var servers []*Server
	service, port, err := Find(w, q.To, q.From.Namespace)
	if server, ok := described(w, q); err == nil {
		servers = Servers(w, service, port, q.ToLabels)
	} else if ok {
		servers = []*Server{server}
	} else {
		return authz.Verdict{}, err
	}
	v := decide(w, servers, q)
	if v.Allowed && slices.ContainsFunc(servers, func(s *Server) bool { return s.Security == mesh.ServerMTLS }) {
		v.Reason += withoutCertificate(w, q.From)
	}
	return v, nil
}

// maxNamed is how many pods a reason names.
const maxNamed = 3

// withoutCertificate names the pods of a caller that cannot prove who they are; empty if there are none.
func withoutCertificate(w *mesh.World, from Account) string {
	var names []string
	for _, p := range lasting(w) {
		if p.Ref.Namespace == from.Namespace && p.ServiceAccount == from.Name && !p.Labels.HasIdentity() {
			names = append(names, p.Ref.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	more := ""
	if n := len(names) - maxNamed; n > 0 {
		names, more = names[:maxNamed], fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf(" Pods of %s have no certificate (label mizzen.dev/identity: spiffe), so they cannot call servers with mTLS: %s%s.", from, strings.Join(names, ", "), more)
}

// decide decides a call that reaches one of the servers.
func decide(w *mesh.World, servers []*Server, q Question) authz.Verdict {
	var verdict authz.Verdict
	differ := false
	for i, s := range servers {
		v := s.decide(w, q)
		differ = differ || i > 0 && v.Allowed != verdict.Allowed
		if i == 0 || verdict.Allowed && !v.Allowed {
			verdict = v
			if len(servers) > 1 {
				verdict.Reason = fmt.Sprintf("In %s: %s", s, v.Reason)
			}
		}
	}
	if differ {
		verdict.Reason += " Other pods of the Service allow the call."
	}
	return verdict
}

// decide decides a call by the rules of one server.
func (s *Server) decide(w *mesh.World, q Question) authz.Verdict {
	switch {
	case !s.xds():
		return authz.Verdict{Allowed: true, Action: authz.None, Reason: "The pods do not serve by xDS (label mizzen.dev/server: xds), so they enforce no policy."}
	case s.err != nil:
		return authz.Verdict{Action: authz.None, Reason: fmt.Sprintf("The rules cannot be evaluated: %v.", s.err)}
	case s.Security == mesh.ServerClosed:
		return authz.Verdict{Action: authz.None, Reason: "The pods do not serve: mode STRICT applies, and they have no certificate."}
	}
	call := q.call(w, s.Security == mesh.ServerMTLS)
	v := s.engine.Evaluate(call)
	if names := s.allowing(); !v.Allowed && v.Action == authz.None && names != "" {
		v.Reason = fmt.Sprintf("ALLOW policies select the server, and none matches the call: %s.", names)
	}
	if node := s.node.Evaluate(call); v.Allowed && !node.Allowed {
		v.Reason += " A server with gRPC for Node denies the call."
	}
	if s.Security == mesh.ServerPlaintext {
		v.Reason += " The server accepts plaintext, so it does not know who calls."
	}
	if !s.Known {
		v.Reason += " The pods are not known; they are taken for servers with mTLS that are configured by xDS."
	}
	return v
}

// allowing names the ALLOW policies of the server that are enforced.
func (s *Server) allowing() string {
	var names []string
	for p := range s.policies.Authorization.All() {
		if !p.DryRun && p.Spec.GetAction() == security.AuthorizationPolicy_ALLOW {
			names = append(names, p.Ref.Namespace+"/"+p.Ref.Name)
		}
	}
	return strings.Join(names, ", ")
}
