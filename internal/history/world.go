package history

import (
	"context"
	"errors"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/internal/render"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// Source has everything that is not configuration, such as endpoints.
type Source interface {
	Rebuild(ctx context.Context, sets ...watch.Configuration) ([]*mesh.World, error)
}

// Snapshot returns the ID of the generation that a text names, and the Snapshot of its objects with the endpoints of now.
func (s *Store) Snapshot(ctx context.Context, text string) (string, *snapshot.Snapshot, error) {
	id, worlds, err := s.worlds(ctx, text)
	if err != nil {
		return "", nil, err
	}
	return id[0], snapshot.New(worlds[0]), nil
}

// worlds returns the IDs and the Worlds of generations, each derived from the one before. Only one caller at a time makes Worlds,
// because that takes as much memory as the current one.
func (s *Store) worlds(ctx context.Context, texts ...string) (ids []string, worlds []*mesh.World, err error) {
	if s.options.Source == nil {
		return nil, nil, errors.New("this control plane cannot make the World of a generation")
	}
	select {
	case s.rebuilding <- struct{}{}:
		defer func() { <-s.rebuilding }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	var sets []watch.Configuration
	for _, text := range texts {
		id, err := s.Resolve(text)
		if err != nil {
			return nil, nil, err
		}
		objects, err := s.Objects(id)
		if err != nil {
			return nil, nil, err
		}
		ids, sets = append(ids, id), append(sets, objects)
	}
	worlds, err = s.options.Source.Rebuild(ctx, sets...)
	return ids, worlds, err
}

// maxResources bounds how many resources a comparison has.
const maxResources = 500

// CompareResources compares what a client is sent in two generations, with the endpoints of now. Only resources whose names have
// the host, of which the first labels may be given, are compared; all if it is empty.
func (s *Store) CompareResources(ctx context.Context, from, to, host string, client mesh.Client) (*Comparison, error) {
	ids, worlds, err := s.worlds(ctx, from, to)
	if err != nil {
		return nil, err
	}
	out := &Comparison{From: ids[0], To: ids[1], Changes: []Change{}}
	before := snapshot.New(worlds[0])
	changed := worlds[1].ChangedSince(worlds[0])
	after := before.Derive(worlds[1], changed)
	concerned := namesOf(changed, host)
	for _, t := range render.Types {
		names := append(before.Names(t, client), after.Names(t, client)...)
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if !concerned(name) {
				continue
			}
			a, b := before.Resource(t, name, client), after.Resource(t, name, client)
			if a == b || a != nil && b != nil && a.Version == b.Version {
				continue
			}
			if len(out.Changes) == maxResources {
				out.LeftOut++
				continue
			}
			change, err := resourceChange(t, a, b)
			if err != nil {
				return nil, err
			}
			out.Changes = append(out.Changes, change)
		}
	}
	return out, nil
}

// maxHosts is how many hosts are looked for in names. Beyond, all resources are compared.
const maxHosts = 100

// namesOf reports whether the resource of a name may differ and has a host.
func namesOf(changed []mesh.Key, host string) func(name string) bool {
	all := len(changed) > maxHosts || slices.ContainsFunc(changed, func(key mesh.Key) bool { return key.Scope != mesh.ScopeHost })
	return func(name string) bool {
		return (host == "" || strings.Contains(name, host)) &&
			(all || slices.ContainsFunc(changed, func(key mesh.Key) bool { return strings.Contains(name, strings.TrimPrefix(key.Name, "*")) }))
	}
}

// resourceChange returns two versions of a resource as YAML. A name that does not exist has no resource, although clients are
// answered.
func resourceChange(t snapshot.Type, before, after *snapshot.Versioned) (Change, error) {
	out := Change{Verb: verbUpdate}
	for text, v := range map[*string]*snapshot.Versioned{&out.Before: before, &out.After: after} {
		if v == nil || v.NotFound {
			continue
		}
		out.Resource = &serving.ResourceID{Type: t.Name(), Name: v.Name}
		made, err := render.Of(t, v)
		if err != nil {
			return out, err
		}
		printed, err := yaml.JSONToYAML(made.Resource)
		if err != nil {
			return out, err
		}
		*text = string(printed)
	}
	switch {
	case out.Before == "":
		out.Verb = verbCreate
	case out.After == "":
		out.Verb = verbDelete
	}
	return out, nil
}
