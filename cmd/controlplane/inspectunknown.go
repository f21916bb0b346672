package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/internal/admin"
	"github.com/mizzen-mesh/mizzen/internal/explain"
	"github.com/mizzen-mesh/mizzen/internal/rollout"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// unknownNames returns an error for each name that selects nothing because nothing has the name, and for a host that does
// not exist. none means that no other name was given.
func (o *inspectOptions) unknownNames(ctx context.Context, answered replicas, list listKind, bodies [][]byte) (none bool, err error) {
	var failures []error
	for _, end := range []selection{{from: o.from, namespace: o.namespace}, {to: o.to, namespace: o.namespace}} {
		found, err := end.selects(answered, list, bodies)
		if err != nil {
			return true, err
		}
		if !found && end.from+end.to != "" {
			failures = append(failures, list.unknown(ctx, answered, end, bodies))
		}
	}
	if err := errors.Join(failures...); err != nil {
		return true, err // an edge has both ends
	}
	for _, name := range o.names {
		one := selection{names: []string{name}, namespace: o.namespace}
		found, err := one.selects(answered, list, bodies)
		if err != nil {
			return true, err
		}
		if !found && list.unknown != nil {
			if err := list.unknown(ctx, answered, one, bodies); err != nil {
				failures = append(failures, err)
			}
		}
	}
	if len(o.names) > 0 || o.host == "" {
		return len(failures) == len(o.names), errors.Join(failures...)
	}
	found, err := o.selects(answered, list, bodies)
	if err != nil || found {
		return true, err
	}
	return true, o.unknownHost(ctx, answered)
}

// selects reports whether the selection selects an item of a list.
func (s *selection) selects(answered replicas, list listKind, bodies [][]byte) (bool, error) {
	for i, body := range bodies {
		kept, err := s.apply(list, body)
		if err != nil {
			return false, fmt.Errorf("parse the answer of %s: %w", answered.all[i].address, err)
		}
		if string(kept) != "[]" {
			return true, nil
		}
	}
	return false, nil
}

// unknownObject fails if no object has the name: an object may have no Problem and no client.
func unknownObject(ctx context.Context, all replicas, s selection, _ [][]byte) error {
	name := s.names[0]
	kind, rest, slash := strings.Cut(name, "/")
	of := kindNamed(kind)
	if !slash && (of != "" || slices.Contains(codeNames(), name)) {
		return nil // a kind or a code, which the list happens not to have
	}
	known, err := objectsOf(ctx, all)
	if err != nil || known == nil {
		return err
	}
	isOf := func(ref mesh.Ref) bool { return of == object.Kind(ref.Kind) }
	if of != "" && !slices.Contains(listedKinds, of) && !slices.ContainsFunc(known, isOf) {
		return nil // it is not known which objects of this kind there are
	}
	if slices.ContainsFunc(known, func(ref mesh.Ref) bool { return s.object(json.RawMessage{}, ref) != nil }) {
		return nil
	}
	if of == "" {
		rest = name
	} else {
		known = slices.DeleteFunc(known, func(ref mesh.Ref) bool { return !isOf(ref) })
	}
	meant := nearObject(rest, known)
	if meant == "" && !slash {
		meant = nearest(name, codeNames())
	}
	return noSuchName("object", name, s.namespace, meant)
}

// nearObject returns the object whose name, with or without its namespace, is most similar; empty if none is.
func nearObject(name string, known []mesh.Ref) string {
	var names []string
	full := map[string]string{}
	for _, ref := range known {
		for _, spelled := range []string{ref.Name, ref.Namespace + "/" + ref.Name} {
			names = append(names, spelled)
			full[spelled] = ref.String()
		}
	}
	return full[nearest(name, names)]
}

// listedKinds are the kinds of which every object is known.
var listedKinds = []object.Kind{
	object.KindService, object.KindVirtualService, object.KindDestinationRule, object.KindGRPCRoute, object.KindHTTPRoute,
	object.KindAuthorizationPolicy, object.KindPeerAuthentication, object.KindRequestAuthentication,
}

// kindNamed returns the kind that a text names as kubectl's users write it; empty for any other text.
func kindNamed(text string) object.Kind {
	if row := ruleKind(text); row != nil {
		return row.Kind
	}
	for _, row := range object.Kinds {
		if spells(text, mesh.Ref{Kind: string(row.Kind)}) {
			return row.Kind
		}
	}
	return ""
}

// objectsOf returns the objects that the replicas know; nil if they are older than this list.
func objectsOf(ctx context.Context, all replicas) ([]mesh.Ref, error) {
	answered, bodies, _, err := all.fetchAnswered(ctx, stdio{err: io.Discard}, admin.ListPath(listObjects))
	if err != nil {
		return nil, nil //nolint:nilerr // whether an object exists is not known
	}
	return itemsOf[mesh.Ref](answered, bodies)
}

func codeNames() []string {
	var names []string
	for _, doc := range mesh.Codes() {
		names = append(names, string(doc.Code))
	}
	return names
}

// unknownClient fails, because the list has every client. For a pod it says why it has none.
func unknownClient(ctx context.Context, all replicas, s selection, bodies [][]byte) error {
	pod := strings.TrimPrefix(s.names[0], "pod/")
	if s.namespace != "" && !strings.Contains(pod, "/") {
		pod = s.namespace + "/" + pod
	}
	if validPod(pod) {
		return noClientIn(ctx, all, pod)
	}
	clients, err := itemsOf[serving.ClientState](all, bodies)
	if err != nil {
		return err
	}
	var names []string
	for i := range clients {
		if s.namespace == "" || s.namespace == clients[i].Namespace {
			names = append(names, clientNames(&clients[i])...)
		}
	}
	return noSuchName("connected client", s.names[0], s.namespace, nearest(s.names[0], names))
}

// unknownResource fails, because the list has every resource.
func unknownResource(_ context.Context, all replicas, s selection, bodies [][]byte) error {
	resources, err := itemsOf[serving.ResourceState](all, bodies)
	if err != nil {
		return err
	}
	var names []string
	for i := range resources {
		names = append(names, resources[i].Name)
	}
	return noSuchName("resource", s.names[0], s.namespace, nearest(s.names[0], names))
}

// unknownServer fails, because the list has every server.
func unknownServer(_ context.Context, all replicas, s selection, bodies [][]byte) error {
	servers, err := itemsOf[serving.ServerState](all, bodies)
	if err != nil {
		return err
	}
	var names []string
	for i := range servers {
		names = append(names, clientNames(&serving.ClientState{Node: servers[i].Node, Identity: servers[i].Identity})...)
	}
	return noSuchName("server that is configured by xDS", s.names[0], s.namespace, nearest(s.names[0], names))
}

// unknownCluster fails, because the list has every remote cluster.
func unknownCluster(_ context.Context, all replicas, s selection, bodies [][]byte) error {
	clusters, err := itemsOf[watch.ClusterStatus](all, bodies)
	if err != nil {
		return err
	}
	var names []string
	for i := range clusters {
		names = append(names, clusters[i].Name, clusters[i].Secret)
	}
	return noSuchName("remote cluster", s.names[0], s.namespace, nearest(s.names[0], names))
}

// unknownRollout fails, because the list has every object with one of the annotations.
func unknownRollout(_ context.Context, all replicas, s selection, bodies [][]byte) error {
	states, err := itemsOf[rollout.State](all, bodies)
	if err != nil {
		return err
	}
	var known []mesh.Ref
	for i := range states {
		known = append(append(known, states[i].Object), states[i].Objects...)
	}
	return noSuchName("rollout or pin", s.names[0], s.namespace, nearObject(s.names[0], known))
}

// nearest is mesh.Nearest, except for names so short that they are near each other by chance.
func nearest(name string, names []string) string {
	if len(name) < 3 {
		return ""
	}
	return mesh.Nearest(name, names)
}

func noSuchName(what, name, namespace, meant string) error {
	text := fmt.Sprintf("there is no %s with the name %q", what, name)
	if namespace != "" {
		text += " in namespace " + namespace
	}
	if meant != "" {
		text += ": did you mean " + strings.Map(visible, meant) + "?"
	}
	return errors.New(text)
}

// unknownHost fails if the host of --host does not exist for the clients of the namespace.
func (o *inspectOptions) unknownHost(ctx context.Context, all replicas) error {
	bodies, err := all.fetch(ctx, admin.ListPath(listResources))
	if err != nil {
		return nil //nolint:nilerr // whether the host exists is not known
	}
	resources, err := itemsOf[serving.ResourceState](all, bodies)
	if err != nil || slices.ContainsFunc(resources, func(r serving.ResourceState) bool { return o.concerns(r.Name) }) {
		return err
	}
	return unknownHost(o.host, nearHosts(ctx, all, o.host, cmp.Or(o.namespace, "default")))
}

func unknownHost(host string, near []snapshot.Near) error {
	texts := []string{fmt.Sprintf("there is no host %q", host)}
	for _, n := range near {
		texts = append(texts, n.Text)
	}
	return errors.New(strings.Join(texts, "; "))
}

// numbered returns a host whose port has a name with the number of the port; empty for any other host, and if the host has
// no such port.
func numbered(ctx context.Context, all replicas, host, namespace string) string {
	name, port := hostOf(host)
	if _, err := strconv.Atoi(port); port == "" || err == nil {
		return ""
	}
	for _, answer := range explained(ctx, all, host, namespace) {
		if len(answer.Routes) > 0 {
			if _, number := hostOf(answer.Routes[0].Name); number != "" {
				return net.JoinHostPort(name, number)
			}
		}
	}
	return ""
}

// nearHosts returns what clients of a namespace may mean by a host that does not exist for them.
func nearHosts(ctx context.Context, all replicas, host, namespace string) []snapshot.Near {
	for _, answer := range explained(ctx, all, host, namespace) {
		return answer.Near
	}
	return nil
}

// explained returns the replicas' explanations of any call to a host.
func explained(ctx context.Context, all replicas, host, namespace string) []explain.Answer {
	q := explain.Question{To: host, Call: "/a.B/C", Client: mesh.Client{Namespace: namespace}}
	bodies, failures := all.try(ctx, explain.Path+"?"+q.Query())
	var answers []explain.Answer
	for i, body := range bodies {
		answer := explain.Answer{}
		if failures[i] == nil && json.Unmarshal(body, &answer) == nil {
			answers = append(answers, answer)
		}
	}
	return answers
}
