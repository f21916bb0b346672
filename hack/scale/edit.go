package main

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// edit is a change that can be made again and again.
type edit struct {
	subject subject
	// due is the number of streams that must receive it.
	due int
	// object returns the object in its state after the change with that marker.
	object func(marker int) *unstructured.Unstructured
}

// move sets the address of a service's last endpoint to a marked one.
func (p *plan) move(s int) edit {
	return edit{subject{endpoints, s}, p.followers(s), func(marker int) *unstructured.Unstructured { return p.slice(s, marker) }}
}

// shift sets a marked weight in a service's route.
func (p *plan) shift(s int) edit {
	rule := p.virtualService
	if p.o.gateway {
		rule = p.grpcRoute
	}
	return edit{subject{routes, s}, p.subscribers[s], func(marker int) *unstructured.Unstructured { return rule(s, marker) }}
}

func (p *plan) moves() []edit  { return each(p.moving, p.move) }
func (p *plan) shifts() []edit { return each(p.shifting, p.shift) }

func each(services []int, of func(int) edit) []edit {
	all := make([]edit, len(services))
	for i, s := range services {
		all[i] = of(s)
	}
	return all
}

// meshEdit sets a marked path in the policy of the mesh.
func (p *plan) meshEdit() edit { return edit{policiesSubject, p.o.streams, p.meshPolicy} }

// namespaceEdits do the same in the policies of namespaces.
func (p *plan) namespaceEdits() []edit {
	all := make([]edit, namespaces)
	for i := range all {
		all[i] = edit{policiesSubject, 0, func(marker int) *unstructured.Unstructured { return p.namespacePolicy(i, marker) }}
	}
	for s, n := range p.subscribers {
		all[s%namespaces].due += n
	}
	return all
}

// workloadEdits do the same in the policies of single workloads.
func (p *plan) workloadEdits() []edit {
	all := make([]edit, p.ownPolicies())
	for s := range all {
		all[s] = edit{policiesSubject, p.subscribers[s], func(marker int) *unstructured.Unstructured { return p.workloadPolicy(s, marker) }}
	}
	return all
}
