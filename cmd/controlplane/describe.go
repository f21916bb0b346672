package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/internal/explain"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// describers has what can be described, and how a page about it is made.
var describers = map[string]func(*facts, string) (page []byte, found bool){
	"client": (*facts).client, "clients": (*facts).client,
	"pod": (*facts).pod, "pods": (*facts).pod,
	"host": (*facts).host, "hosts": (*facts).host,
}

func newDescribe(std stdio) *cobra.Command {
	var flags inspectFlags
	var namespace string
	cmd := &cobra.Command{
		Use:   "describe client|host|pod NAME",
		Short: "Show all about a client, a host or a pod",
		Long: `Show on one page all that a running control plane knows about a client, by its node ID, about the
client in a pod, NAMESPACE/NAME, or about a host that clients dial: its clients, its resources,
the objects that they come from with their sync status, and the Problems of these objects.

The control plane is found as 'inspect' finds it.

The exit code is 1 if there is no such client, host or pod, or if a replica did not answer. It
is 2 if the command line makes no sense.`,
		Example: `  controlplane describe pod shop/web-0
  controlplane describe pod/web-0 -n shop
  controlplane describe host cart.shop:50051
  controlplane describe host cart:grpc -n shop
  controlplane describe client mizzen~shop~web-0`,
		ValidArgs: []string{"client", "host", "pod"},
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, name, err := described(cmd, args, namespace)
			if err != nil {
				return err
			}
			if err := flags.validate(cmd); err != nil {
				return err
			}
			return flags.withReplicas(cmd, std, func(ctx context.Context, all replicas) error {
				return describe(ctx, std, all, kind, name)
			})
		},
	}
	flags.register(cmd.Flags())
	cmd.Flags().StringVarP(&namespace, "for-namespace", "n", "", "`NAMESPACE` of the pod, or of the host")
	return cmd
}

// described returns what to describe: its kind, and its name with the namespace.
func described(cmd *cobra.Command, args []string, namespace string) (kind, name string, err error) {
	if kind, name = split(args); describers[kind] == nil || name == "" {
		hint := ""
		if describers[kind] == nil {
			hint = didYouMean(kind, cmd.ValidArgs)
		}
		return "", "", usageErrorf(cmd, "write what to describe as client NODE, host HOST or pod NAMESPACE/NAME%s", hint)
	}
	kind = strings.TrimSuffix(kind, "s")
	if kind == "pod" && namespace != "" && !strings.Contains(name, "/") {
		name = namespace + "/" + name
	}
	if kind == "pod" && !validPod(name) {
		return "", "", usageErrorf(cmd, "a pod is NAMESPACE/NAME, not %q; -n names the namespace, too", name)
	}
	switch name = strings.TrimPrefix(name, "xds:///"); {
	case namespace == "" || kind == "pod":
		return kind, name, nil
	case !validNamespace(namespace):
		return "", "", usageErrorf(cmd, "-n %q is not a namespace", namespace)
	case kind == "client":
		return "", "", usageErrorf(cmd, "-n is for pods and hosts")
	}
	return kind, inNamespace(name, namespace), nil
}

// split returns the parts of KIND NAME or, as kubectl's users also write, KIND/NAME. name is empty for anything else.
func split(args []string) (kind, name string) {
	switch len(args) {
	case 1:
		kind, name, _ = strings.Cut(args[0], "/")
	case 2:
		kind, name = args[0], args[1]
	}
	return kind, name
}

func describe(ctx context.Context, std stdio, all replicas, kind, name string) error {
	known, last, err := gather(ctx, std, all)
	if err != nil {
		return err
	}
	if kind == "host" {
		known.selected = selection{host: name, numbered: numbered(ctx, all, name, "default")}
	}
	page, found := describers[kind](known, name)
	switch {
	case found:
		return errors.Join(std.print(page), last)
	case kind == "pod":
		return errors.Join(noClientIn(ctx, all, name), last)
	case kind == "host":
		return errors.Join(unknownHost(name, nearHosts(ctx, all, name, "default")), last)
	}
	var names []string
	for i := range known.clients {
		names = append(names, clientNames(&known.clients[i].ClientState)...)
	}
	return errors.Join(noSuchName("connected client", name, "", nearest(name, names)), last)
}

// inNamespace adds the namespace to a host that has none.
func inNamespace(host, namespace string) string {
	name, port, _ := strings.Cut(host, ":")
	if !strings.Contains(name, ".") {
		name += "." + namespace
	}
	if port != "" {
		name += ":" + port
	}
	return name
}

// noClientIn says why no client is connected from a pod.
func noClientIn(ctx context.Context, all replicas, pod string) error {
	bodies, failures := all.try(ctx, explain.Path+"?"+explain.Question{Pod: pod}.Query())
	unknown := fmt.Errorf("there is no pod %s with a client: see 'inspect clients'", pod)
	for i, body := range bodies {
		answer := explain.Answer{}
		if failures[i] == nil && json.Unmarshal(body, &answer) == nil && answer.Absent != "" {
			return fmt.Errorf("pod %s: %s", pod, answer.Absent)
		}
		if failures[i] != nil && strings.Contains(failures[i].Error(), "is not known") {
			unknown = failures[i]
		}
	}
	return unknown
}

// client describes the client of a node ID.
func (f *facts) client(name string) ([]byte, bool) {
	return f.clientsWhere(func(c *replicaClient) bool { return c.Node == name || c.Identity == name })
}

// pod describes the client in a pod.
func (f *facts) pod(name string) ([]byte, bool) {
	namespace, pod, _ := strings.Cut(name, "/")
	return f.clientsWhere(func(c *replicaClient) bool { return c.isIn(namespace, pod) })
}

func (f *facts) clientsWhere(match func(*replicaClient) bool) ([]byte, bool) {
	var p description
	found := false
	for i := range f.clients {
		if c := &f.clients[i]; match(c) {
			found = true
			f.describeClient(&p, c)
		}
	}
	return p.text, found
}

func (f *facts) describeClient(p *description, c *replicaClient) {
	p.field("Client", c.Node)
	p.field("Identity", cmp.Or(c.Identity, "not proven"))
	if c.Proof != "" {
		p.field("Proof", c.Proof)
	}
	p.field("Namespace", c.Namespace)
	p.field("Kind", kindAndVersion(&c.ClientState))
	p.field("Locality", cmp.Or(strings.Trim(c.Region+"/"+c.Zone, "/"), "unknown"))
	p.field("Address", c.Peer)
	p.field("Connected", c.Since.Local().Format(time.DateTime)+" "+c.where())
	p.section("Resources")
	origins := map[mesh.Ref]bool{}
	for _, t := range c.Types {
		for _, name := range t.Names {
			state := "subscribed"
			if text, ok := t.Refused[name]; ok {
				state = "rejected: " + text
			}
			p.item("%s %s: %s", t.Type, name, state)
			for _, r := range f.resources {
				if r.Type == t.Type && r.Name == name {
					for _, o := range r.Origins {
						origins[o] = true
					}
				}
			}
		}
		p.item("%s: %d acknowledged, %d pending, %d rejected", t.Type, t.Accepted, t.Pending, len(t.Refused))
	}
	f.describeObjects(p, origins)
}

// host describes a host that clients dial.
func (f *facts) host(name string) ([]byte, bool) {
	var p description
	p.field("Host", name)
	p.section("Resources")
	origins, found := map[mesh.Ref]bool{}, false
	for _, r := range f.resources {
		if !f.selected.concerns(r.Name) {
			continue
		}
		found = found || len(r.Origins) > 0
		p.item("%s %s: version %s, %d subscribers", r.Type, r.Name, r.Version, r.Subscribers)
		for _, o := range r.Origins {
			origins[o] = true
		}
	}
	p.section("Clients")
	for i := range f.clients {
		c := &f.clients[i]
		for _, t := range c.Types {
			for _, subscribed := range t.Names {
				if t.Type == "Listener" && f.selected.concerns(subscribed) {
					found = true
					p.item("%s, namespace %s, %s, dials %s", cmp.Or(c.Identity, c.Node), c.Namespace, kindAndVersion(&c.ClientState), subscribed)
				}
			}
		}
	}
	f.describeObjects(&p, origins)
	return p.text, found
}

// describeObjects adds objects with their sync status and their Problems.
func (f *facts) describeObjects(p *description, origins map[mesh.Ref]bool) {
	p.section("Objects")
	for _, ref := range mesh.SortedFunc(maps.Keys(origins), mesh.Ref.Compare) {
		i := slices.IndexFunc(f.syncs, func(d serving.ObjectSync) bool { return d.Object == ref })
		if i < 0 {
			p.item("%s: no clients", ref)
			continue
		}
		d := f.syncs[i]
		p.item("%s: %d clients, %d pending, %d rejections", ref, d.Clients, d.Pending, len(d.Refusals))
		for _, text := range d.Refusals {
			p.item("  rejected: %s", text)
		}
	}
	p.section("Problems")
	for _, problem := range f.problems {
		if origins[problem.Object] {
			p.item("%s", strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s: %s", problem.Severity, problem.Code, problem.Object, problem.Field, problem.Message)), " "))
		}
	}
	p.end()
}

func (c *replicaClient) where() string {
	if c.replica == "" {
		return ""
	}
	return "to replica " + c.replica
}

// isIn reports whether a client runs in a pod. Without proofs the node ID is all that names the pod.
func (c *replicaClient) isIn(namespace, pod string) bool {
	return c.Identity == "pod/"+namespace+"/"+pod || c.Identity == "" && c.Node == bootstrap.NodeID(namespace, pod)
}
