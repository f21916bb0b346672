package object

import (
	"time"

	"google.golang.org/protobuf/proto"
	security "istio.io/api/security/v1"
)

// storedScope is the stored form of a PodScope. Labels distinguishes nil from empty.
type storedScope struct {
	Labels       map[string]string `json:"labels"`
	Services     []storedTarget    `json:"services,omitempty"`
	OwnNamespace bool              `json:"ownNamespace,omitempty"`
}

type storedTarget struct {
	Name  string `json:"name"`
	Field string `json:"field"`
}

func storeScope(s PodScope) storedScope {
	out := storedScope{Labels: s.Labels, OwnNamespace: s.OwnNamespace}
	for _, target := range s.Services {
		out.Services = append(out.Services, storedTarget(target))
	}
	return out
}

func loadScope(s storedScope) PodScope {
	out := PodScope{Labels: s.Labels, OwnNamespace: s.OwnNamespace}
	for _, target := range s.Services {
		out.Services = append(out.Services, ServiceTarget(target))
	}
	return out
}

type storedAuthorizationPolicy struct {
	Spec    []byte      `json:"spec"`
	Scope   storedScope `json:"scope"`
	DryRun  bool        `json:"dryRun,omitempty"`
	Log     bool        `json:"log,omitempty"`
	Unknown []string    `json:"unknown,omitempty"`
}

func authorizationPolicyField(o *storedObject) **storedAuthorizationPolicy { return &o.Authorization }

func storeAuthorizationPolicy(p *AuthorizationPolicy) (*storedAuthorizationPolicy, error) {
	spec, err := proto.Marshal(p.Spec)
	return &storedAuthorizationPolicy{Spec: spec, Scope: storeScope(p.Scope), DryRun: p.DryRun, Log: p.LogCalls, Unknown: p.Unknown}, err
}

func loadAuthorizationPolicy(s *storedAuthorizationPolicy) (*AuthorizationPolicy, error) {
	out := &AuthorizationPolicy{Spec: &security.AuthorizationPolicy{}, Scope: loadScope(s.Scope), DryRun: s.DryRun, LogCalls: s.Log, Unknown: s.Unknown}
	return out, proto.Unmarshal(s.Spec, out.Spec)
}

type storedPeerAuthentication struct {
	Spec     []byte            `json:"spec"`
	Selector map[string]string `json:"selector,omitempty"`
	Created  time.Time         `json:"created"`
	Closed   bool              `json:"closed,omitempty"`
}

func peerAuthenticationField(o *storedObject) **storedPeerAuthentication { return &o.Peer }

func storePeerAuthentication(p *PeerAuthentication) (*storedPeerAuthentication, error) {
	spec, err := proto.Marshal(p.Spec)
	return &storedPeerAuthentication{Spec: spec, Selector: p.Selector, Created: p.Created, Closed: p.Closed}, err
}

func loadPeerAuthentication(s *storedPeerAuthentication) (*PeerAuthentication, error) {
	out := &PeerAuthentication{Spec: &security.PeerAuthentication{}, Selector: s.Selector, Created: s.Created, Closed: s.Closed}
	return out, proto.Unmarshal(s.Spec, out.Spec)
}

type storedRequestAuthentication struct {
	Spec  []byte      `json:"spec"`
	Scope storedScope `json:"scope"`
}

func requestAuthenticationField(o *storedObject) **storedRequestAuthentication {
	return &o.RequestAuthentication
}

func storeRequestAuthentication(r *RequestAuthentication) (*storedRequestAuthentication, error) {
	spec, err := proto.Marshal(r.Spec)
	return &storedRequestAuthentication{Spec: spec, Scope: storeScope(r.Scope)}, err
}

func loadRequestAuthentication(s *storedRequestAuthentication) (*RequestAuthentication, error) {
	out := &RequestAuthentication{Spec: &security.RequestAuthentication{}, Scope: loadScope(s.Scope)}
	return out, proto.Unmarshal(s.Spec, out.Spec)
}
