package assemble

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// topic is the step that found a Problem.
type topic uint8

const (
	// topicObject: conversion of the object.
	topicObject topic = iota
	// topicFeed: reading the source. The key is a file, an object that is in several files, or zero for the whole
	// source.
	topicFeed
	// topicHost: looking up the Services of the hosts that an object declares.
	topicHost
	// topicPorts: looking up the ports that a VirtualService matches.
	topicPorts
	// topicMerge: merging DestinationRules. The key's name is their host.
	topicMerge
	// topicConflict: comparing everything that is declared for one host. The key's name is the host.
	topicConflict
	// topicAttached: attaching Routes to their parents. The key's name is the parent's host.
	topicAttached
	// topicAlias: what a Service of type ExternalName refers to. The key's name is the host.
	topicAlias
	// topicAddress: the claims to a cluster IP. The key's name is the address.
	topicAddress
	// topicEndpoints: the endpoints of a Service. The key's name is the host.
	topicEndpoints
	// topicEntry: ServiceEntries for one host. The key's name is the host.
	topicEntry
	// topicNames: subjectAltNames of the ServiceEntries for one host. The key's name is that of their Service.
	topicNames
	// topicInjection: pods without the bootstrap. The key's name is their namespace.
	topicInjection
	// topicEmpty: Services and subsets without endpoints that can be called. The key's name is the host.
	topicEmpty
	// topicExport: namespaces of exportTo.
	topicExport
	// topicSecurity: binding an object that configures servers.
	topicSecurity
	// topicEnforcement: comparing such an object with the pods.
	topicEnforcement
	// topicOverlap: addresses that pods of several clusters have.
	topicOverlap
	// topicJoin: joining a Service of a remote cluster. The key's name is the host.
	topicJoin
	// topicRollout: what is rolled out. The key is that of the verdict.
	topicRollout
	// topicStored: restoring stored objects because the source cannot be read.
	topicStored
)

type problemKey struct {
	topic topic
	about object.Key
}

// problemIndex keeps Problems by what they are about, so that they are removed with it.
type problemIndex struct {
	byKey   map[problemKey][]mesh.Problem
	sources map[mesh.Ref]*mesh.Source
	// silenced are the codes that authors silenced, by object.
	silenced map[object.Key][]mesh.Code
	// dirty means that Problems may have changed, moved that sources have, muted that silenced codes have.
	dirty, moved, muted bool
}

func newProblemIndex() *problemIndex {
	return &problemIndex{byKey: map[problemKey][]mesh.Problem{}, sources: map[mesh.Ref]*mesh.Source{}, silenced: map[object.Key][]mesh.Code{}}
}

// maxProblems is how many Problems of one object one step reports. All Problems are sorted whenever one changes, for which all
// authors wait.
const maxProblems = 200

// fewer returns the Problems without those of objects that have more than maxProblems, the most serious of which stay. One of them
// says how many were left out.
func fewer(problems []mesh.Problem) []mesh.Problem {
	if len(problems) <= maxProblems {
		return problems
	}
	byObject := map[mesh.Ref][]mesh.Problem{}
	for _, p := range problems {
		byObject[p.Object] = append(byObject[p.Object], p)
	}
	var out []mesh.Problem
	for _, object := range mesh.SortedFunc(maps.Keys(byObject), mesh.Ref.Compare) {
		found := byObject[object]
		if len(found) > maxProblems {
			mesh.SortStableFunc(found, func(a, b mesh.Problem) int { return cmp.Compare(severityOrder[a.Severity], severityOrder[b.Severity]) })
			first := found[maxProblems-1]
			found = append(found[:maxProblems-1:maxProblems-1], mesh.Problem{
				Code: first.Code, Severity: first.Severity, Object: object,
				Message: fmt.Sprintf("The object has %d further Problems of this severity or less. They are not listed. Correct those that are; then the next ones are listed.", len(found)-maxProblems+1),
			})
		}
		out = append(out, found...)
	}
	return out
}

var severityOrder = map[mesh.Severity]int{mesh.Error: 0, mesh.Warning: 1, mesh.Info: 2}

// put replaces the Problems of a key.
func (b *problemIndex) put(key problemKey, problems []mesh.Problem) {
	problems = fewer(problems)
	if slices.Equal(b.byKey[key], problems) {
		return
	}
	b.dirty = true
	if len(problems) == 0 {
		delete(b.byKey, key)
		return
	}
	b.byKey[key] = problems
}

// locate records where an object was read; nil removes it.
func (b *problemIndex) locate(ref mesh.Ref, source *mesh.Source) {
	if b.sources[ref].Equal(source) {
		return
	}
	b.dirty, b.moved = true, true
	if source == nil {
		delete(b.sources, ref)
		return
	}
	b.sources[ref] = source
}

// silence records the codes that are silenced on an object; none removes it.
func (b *problemIndex) silence(key object.Key, codes []mesh.Code) {
	if slices.Equal(b.silenced[key], codes) {
		return
	}
	b.muted = true
	if len(codes) == 0 {
		delete(b.silenced, key)
		return
	}
	b.silenced[key] = codes
}

// byRef returns the silenced codes by object; nil if there are none.
func (b *problemIndex) byRef() map[mesh.Ref][]mesh.Code {
	if len(b.silenced) == 0 {
		return nil
	}
	all := make(map[mesh.Ref][]mesh.Code, len(b.silenced))
	for key, codes := range b.silenced {
		all[key.Ref()] = codes
	}
	return all
}

// all returns every Problem, sorted.
func (b *problemIndex) all() []mesh.Problem {
	var out []mesh.Problem
	listed := map[*mesh.Problem]struct{}{} // the first of each list: the hosts of a ServiceEntry share one
	for _, problems := range b.byKey {
		if _, again := listed[&problems[0]]; again {
			continue
		}
		listed[&problems[0]] = struct{}{}
		for _, p := range problems {
			if p.Source == "" {
				p.Source = b.sources[p.Object].At(p.Field)
			}
			out = append(out, p)
		}
	}
	return mesh.SortProblems(out)
}
