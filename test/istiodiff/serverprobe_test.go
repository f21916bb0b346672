package istiodiff

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// The call that no rule mentions.
const (
	authority = "cart.shop:50051"
	stranger  = "spiffe://cluster.local/ns/elsewhere/sa/stranger"
	health    = "/grpc.health.v1.Health/Check"
)

var elsewhere = netip.MustParseAddr("203.0.113.9")

// conditions are what the rules of a server ask for: each has one value that meets the condition of a rule.
type conditions struct {
	callers, paths, authorities []string
	headers                     map[string][]string
	from                        []netip.Addr
}

// probes makes calls for the conditions in what both sides send to a server: each caller with each path, each set of headers, each
// authority and each address.
func (s *server) probes(ours side) (calls []call) {
	listener, _ := ours(snapshot.ListenerType, s.listenerName()).(*listenerv3.Listener)
	found := conditions{headers: map[string][]string{}}
	found.read(listener)
	found.read(s.listener)
	for _, name := range namesOfRoutes(listener) {
		found.read(ours(snapshot.RouteType, name))
	}
	callers := unique(append([]string{"", stranger}, found.callers...))
	for _, path := range unique(append([]string{plain}, found.paths...)) {
		for _, headers := range found.headerSets() {
			for _, at := range unique(append([]string{authority}, found.authorities...)) {
				for _, from := range append([]netip.Addr{elsewhere}, found.from...) {
					for _, caller := range callers {
						calls = append(calls, call{path: path, headers: headers, authority: at, from: from, caller: caller})
					}
				}
			}
		}
	}
	for _, chain := range listener.GetFilterChains() {
		for _, r := range chain.GetFilterChainMatch().GetSourcePrefixRanges() {
			if from, err := netip.ParseAddr(r.GetAddressPrefix()); err == nil {
				calls = append(calls, call{path: health, authority: authority, from: from}, call{path: plain, authority: authority, from: from})
			}
		}
	}
	return calls
}

func unique(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

// namesOfRoutes are the RouteConfigurations of a Listener.
func namesOfRoutes(l *listenerv3.Listener) (names []string) {
	if l == nil {
		return nil
	}
	walk(l, func(m proto.Message) {
		if rds, ok := m.(interface{ GetRouteConfigName() string }); ok {
			names = append(names, rds.GetRouteConfigName())
		}
	})
	return names
}

// headerSets are no header, one that meets each condition alone, one with another value, and all together.
func (f *conditions) headerSets() []map[string]string {
	sets, together := []map[string]string{nil}, map[string]string{}
	for _, name := range slices.Sorted(keys(f.headers)) {
		for _, value := range unique(f.headers[name]) {
			sets = append(sets, map[string]string{name: value}, map[string]string{name: "zz-" + value})
			together[name] = value
		}
	}
	if len(together) > 1 {
		sets = append(sets, together)
	}
	return sets
}

// read collects the conditions of all rules in a message.
func (f *conditions) read(m proto.Message) {
	if m == nil || !m.ProtoReflect().IsValid() {
		return
	}
	walk(m, func(m proto.Message) {
		switch m := m.(type) {
		case *rbacv3.Principal_Authenticated:
			if name, ok := textFor(m.GetPrincipalName()); ok {
				f.callers = append(f.callers, account(name), otherDomain(account(name)))
			}
		case *matcherv3.PathMatcher:
			if path, ok := textFor(m.GetPath()); ok {
				f.paths = append(f.paths, cmp.Or(path, "/"))
			}
		case *routev3.HeaderMatcher:
			value, ok := valueFor(m)
			value = cmp.Or(value, "x") // Some servers take an empty header for an absent one.
			switch {
			case ok && (m.GetName() == ":authority" || m.GetName() == "host"):
				f.authorities = append(f.authorities, value)
			case ok && m.GetName()[0] != ':':
				f.headers[m.GetName()] = append(f.headers[m.GetName()], value)
			}
		case *rbacv3.Principal:
			if at, err := netip.ParseAddr(cmp.Or(m.GetDirectRemoteIp(), m.GetRemoteIp()).GetAddressPrefix()); err == nil {
				f.from = append(f.from, at.Unmap())
			}
		}
	})
}

// account returns the identity of an account that is most like a text: certificates have no other names.
func account(text string) string {
	part := func(expression, other string) string {
		if found := regexp.MustCompile(expression).FindStringSubmatch(text); found != nil {
			return found[1]
		}
		return other
	}
	return "spiffe://" + part("^spiffe://([^/]+)", "cluster.local") + "/ns/" + part("/ns/([^/]+)", "shop") + "/sa/" + part("/sa/([^/]+)", "web")
}

// otherDomain is the account of that name in another mesh.
func otherDomain(account string) string {
	_, rest, _ := strings.Cut(account, "/ns/")
	return "spiffe://other.example/ns/" + rest
}

// walk visits a message and all in it, also what is packed.
func walk(m proto.Message, visit func(proto.Message)) {
	visit(m)
	if packed, ok := m.(*anypb.Any); ok {
		if inner, err := packed.UnmarshalNew(); err == nil {
			walk(inner, visit)
		}
		return
	}
	m.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.IsMap() && field.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, value protoreflect.Value) bool {
				walk(value.Message().Interface(), visit)
				return true
			})
		case field.IsList() && field.Message() != nil:
			for i := range v.List().Len() {
				walk(v.List().Get(i).Message().Interface(), visit)
			}
		case !field.IsMap() && field.Message() != nil:
			walk(v.Message().Interface(), visit)
		}
		return true
	})
}
