package main

import (
	"cmp"
	"encoding/json"
	"net"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/render"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// selection selects items of a list. The zero selection selects all.
type selection struct {
	names     []string
	namespace string
	types     []string
	host      string
	// from and to are the ends of an edge.
	from, to string
	// numbered is the host with the number of its port, if it has a port by name.
	numbered string
	// typeNames are the full names of types.
	typeNames []string
}

// parse parses the types: short names, or full ones, in any case.
func (s *selection) parse(cmd *cobra.Command) error {
	s.typeNames = nil
	for _, text := range s.types {
		i := slices.IndexFunc(render.Types, func(t snapshot.Type) bool {
			return strings.EqualFold(text, t.ShortName()) || strings.EqualFold(strings.TrimSuffix(text, "s"), t.Name())
		})
		if i < 0 {
			return usageErrorf(cmd, "unknown type %q: it is one of %s", text, typeNames(", "))
		}
		s.typeNames = append(s.typeNames, render.Types[i].Name())
	}
	return nil
}

// apply returns the list with the selected items.
func (s *selection) apply(list listKind, body []byte) ([]byte, error) {
	kept := []json.RawMessage{}
	var failed error
	err := eachItem(body, func(item json.RawMessage) {
		one, err := list.filter(s, item)
		switch {
		case err != nil:
			failed = err
		case one != nil:
			kept = append(kept, one)
		}
	})
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	return json.Marshal(kept)
}

// named reports whether one of the names is selected.
func (s *selection) named(names ...string) bool {
	return len(s.names) == 0 || slices.ContainsFunc(s.names, func(name string) bool { return slices.Contains(names, name) })
}

// client selects a client by its node ID, its address, its identity, or the pod in its identity. Of the selected types
// and host it keeps only these.
func (s *selection) client(item json.RawMessage) (json.RawMessage, error) {
	var c serving.ClientState
	if err := json.Unmarshal(item, &c); err != nil {
		return nil, err
	}
	if !s.named(clientNames(&c)...) || s.namespace != "" && s.namespace != c.Namespace {
		return nil, nil
	}
	if len(s.typeNames) == 0 && s.host == "" {
		return item, nil
	}
	c.Types = slices.DeleteFunc(c.Types, func(t serving.TypeState) bool {
		concerned := s.host == "" || slices.ContainsFunc(t.Names, func(name string) bool { return s.concerns(name) })
		return len(s.typeNames) > 0 && !slices.Contains(s.typeNames, t.Type) || !concerned
	})
	if len(c.Types) == 0 {
		return nil, nil
	}
	return json.Marshal(c)
}

// clientNames are the names of a client: its node ID, its address, its identity, and its pod.
func clientNames(c *serving.ClientState) []string {
	_, pod, _ := strings.Cut(c.Identity, "/")
	_, name, _ := strings.Cut(pod, "/")
	names := []string{c.Node, c.Peer}
	if c.Identity != "" {
		names = append(names, c.Identity, pod, name)
	}
	return names
}

// resource selects a resource by its name, its type, its host, and the namespace of an object that made it.
func (s *selection) resource(item json.RawMessage) (json.RawMessage, error) {
	var r serving.ResourceState
	if err := json.Unmarshal(item, &r); err != nil {
		return nil, err
	}
	ofNamespace := s.namespace == "" || slices.ContainsFunc(r.Origins, func(o mesh.Ref) bool { return o.Namespace == s.namespace })
	ofType := len(s.typeNames) == 0 || slices.Contains(s.typeNames, r.Type)
	if !s.named(r.Name) || !ofNamespace || !ofType || s.host != "" && !s.concerns(r.Name) {
		return nil, nil
	}
	return item, nil
}

func (s *selection) problem(item json.RawMessage) (json.RawMessage, error) {
	var p mesh.Problem
	if err := json.Unmarshal(item, &p); err != nil {
		return nil, err
	}
	return s.object(item, p.Object, string(p.Code)), nil
}

func (s *selection) sync(item json.RawMessage) (json.RawMessage, error) {
	var d serving.ObjectSync
	if err := json.Unmarshal(item, &d); err != nil {
		return nil, err
	}
	return s.object(item, d.Object), nil
}

// unknown selects an unknown name, by the name with or without its port, and by the namespace of the clients.
func (s *selection) unknown(item json.RawMessage) (json.RawMessage, error) {
	var u serving.UnknownName
	if err := json.Unmarshal(item, &u); err != nil {
		return nil, err
	}
	host, _ := hostOf(u.Name)
	if !s.named(u.Name, host) || s.namespace != "" && s.namespace != u.Namespace {
		return nil, nil
	}
	return item, nil
}

// server selects a server by its node ID, its identity, its pod, and its namespace.
func (s *selection) server(item json.RawMessage) (json.RawMessage, error) {
	var state serving.ServerState
	if err := json.Unmarshal(item, &state); err != nil {
		return nil, err
	}
	if !s.named(clientNames(&serving.ClientState{Node: state.Node, Identity: state.Identity})...) || s.namespace != "" && s.namespace != state.Namespace {
		return nil, nil
	}
	return item, nil
}

func (s *selection) policy(item json.RawMessage) (json.RawMessage, error) {
	var p serving.PolicyState
	if err := json.Unmarshal(item, &p); err != nil {
		return nil, err
	}
	return s.object(item, p.Object), nil
}

// object selects an item by its object. A namespace is in itself.
func (s *selection) object(item json.RawMessage, ref mesh.Ref, more ...string) json.RawMessage {
	names := append([]string{ref.Name, ref.Namespace + "/" + ref.Name, ref.String(), ref.Kind, objectName(ref)}, more...)
	if ref.Kind == "Namespace" {
		ref.Namespace = ref.Name
	}
	if !s.named(names...) && !slices.ContainsFunc(s.names, func(name string) bool { return spells(name, ref) }) || s.namespace != "" && s.namespace != ref.Namespace {
		return nil
	}
	return item
}

// shortKinds are kubectl's short names of the kinds that are not rules.
var shortKinds = map[string]string{"svc": "Service", "po": "Pod", "no": "Node", "ns": "Namespace", "ep": "Endpoints"}

// joinKinds joins a kind with the name behind it: VirtualService shop/cart is the name of one object, as in wait.
func joinKinds(names []string) []string {
	var joined []string
	for i := 0; i < len(names); i++ {
		if i+1 < len(names) && isKind(names[i]) && !isKind(names[i+1]) && (strings.Count(names[i+1], "/") < 2) {
			joined = append(joined, names[i]+"/"+names[i+1])
			i++
			continue
		}
		joined = append(joined, names[i])
	}
	return joined
}

// isKind reports whether a text names a kind of objects.
func isKind(text string) bool {
	return ruleKind(text) != nil || shortKinds[text] != "" || slices.ContainsFunc(object.Kinds, func(row *object.KindRow) bool {
		return strings.EqualFold(text, string(row.Kind)) || strings.EqualFold(text, row.Resource.Resource)
	})
}

// spells reports whether a text is KIND/NAME or KIND, as kubectl's users write them, such as vs/cart.
func spells(text string, ref mesh.Ref) bool {
	kind, name, _ := strings.Cut(text, "/")
	if row := ruleKind(kind); row != nil {
		kind = string(row.Kind)
	}
	kind = cmp.Or(shortKinds[kind], kind)
	if !strings.EqualFold(kind, ref.Kind) && !strings.EqualFold(kind, ref.Kind+"s") {
		return false
	}
	return name == "" || name == ref.Name || name == ref.Namespace+"/"+ref.Name
}

// concerns reports whether a resource of that name concerns the selected host.
func (s *selection) concerns(resource string) bool {
	return concernsHost(resource, s.host) || s.numbered != "" && concernsHost(resource, s.numbered)
}

// concernsHost reports whether a resource of that name concerns a host, which may be written with or without its
// namespace, domain and port. A client that dials a short name subscribes to the short name.
func concernsHost(resource, host string) bool {
	name, port := hostOf(resource)
	want, wantPort := hostOf(host)
	if wantPort != "" && port != "" && port != wantPort {
		return false
	}
	return name == want || strings.HasPrefix(name, want+".") || strings.HasPrefix(want, name+".")
}

// hostOf returns the host in the name of a resource, and its port if the name has one: outbound|PORT|SUBSET|HOST,
// HOST:PORT or HOST.
func hostOf(resource string) (host, port string) {
	if parts := strings.Split(resource, "|"); len(parts) == 4 {
		return parts[3], parts[1]
	}
	if host, port, err := net.SplitHostPort(resource); err == nil {
		return host, port
	}
	return resource, ""
}
