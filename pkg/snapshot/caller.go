package snapshot

import (
	"maps"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// caller collects what routes ask of one client, and no more: clients who differ in nothing that is asked share one
// translation, and a client that makes up names and labels adds none.
type caller struct {
	client    mesh.Client
	namespace string
	labels    map[string]string
}

// callerOf returns the client's namespace and labels as far as they matter to routes, which may be nil.
func callerOf(routes *mesh.Routes, client mesh.Client) (namespace string, labels mesh.Labels) {
	if routes == nil {
		return "", ""
	}
	c := caller{client: client, labels: map[string]string{}}
	c.read(routes)
	return c.namespace, mesh.MakeLabels(c.labels)
}

func (c *caller) read(routes *mesh.Routes) {
	for _, target := range routes.Targets {
		c.compare(target.Policies)
	}
	for _, delegate := range routes.Delegates {
		if delegate.Routes != nil {
			c.read(delegate.Routes)
		}
	}
	for _, rule := range routes.Spec.GetHttp() {
		for _, match := range rule.GetMatch() {
			c.answer(match)
		}
	}
	for _, rule := range routes.Spec.GetTcp() {
		for _, match := range rule.GetMatch() {
			c.answer(match)
		}
	}
}

// compare looks whether the client finds another policy than a client of whom nothing is known.
func (c *caller) compare(policies *mesh.PolicyTable) {
	policy := policies.For(c.client.Namespace, c.client.Labels)
	if policy == policies.For("", "") {
		return
	}
	c.namespace = c.client.Namespace
	if policy != nil {
		// With these labels alone it selects the client again, and nothing else does that did not before.
		maps.Copy(c.labels, policy.Selector)
	}
}

// asking is a match, of calls or of connections.
type asking interface {
	GetSourceNamespace() string
	GetSourceLabels() map[string]string
}

// answer keeps what a match asks for and the client has. What it lacks needs no keeping.
func (c *caller) answer(match asking) {
	if match.GetSourceNamespace() == c.client.Namespace {
		c.namespace = c.client.Namespace
	}
	for key, value := range match.GetSourceLabels() {
		if got, ok := c.client.Labels.Get(key); ok && got == value {
			c.labels[key] = value
		}
	}
}
