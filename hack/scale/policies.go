package main

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// rootNamespace has the policy of the whole mesh.
const rootNamespace = "istio-system"

// fewestPolicies is one policy of each sort: of the mesh, of each namespace, and of a workload.
const fewestPolicies = 1 + namespaces + 1

// policies returns all AuthorizationPolicies in their initial state: the policy of the mesh, those of the namespaces,
// and those of single workloads, which are the services in turn.
func (p *plan) policies() []*unstructured.Unstructured {
	if !p.o.servers() {
		return nil
	}
	all := []*unstructured.Unstructured{p.meshPolicy(0)}
	for i := range namespaces {
		all = append(all, p.namespacePolicy(i, 0))
	}
	for i := range p.o.policies - len(all) {
		all = append(all, p.workloadPolicy(i, 0))
	}
	return all
}

// ownPolicies returns how many services have a policy of their own.
func (p *plan) ownPolicies() int { return min(p.o.services, p.o.policies-1-namespaces) }

func policy(namespace, name string, spec tree) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: tree{
		"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": tree{"name": name, "namespace": namespace}, "spec": spec,
	}}
}

func (p *plan) meshPolicy(marker int) *unstructured.Unstructured {
	return policy(rootNamespace, "mesh", tree{"action": "DENY", "rules": []any{
		tree{
			"from": []any{tree{"source": tree{"notNamespaces": []any{namespaceName(0)}}}},
			"to":   []any{tree{"operation": tree{"paths": []any{"/grpc.reflection.v1.ServerReflection/*", markedPath(marker)}}}},
		},
	}})
}

func (p *plan) namespacePolicy(i, marker int) *unstructured.Unstructured {
	return policy(namespaceName(i), "namespace", tree{"action": "ALLOW", "rules": []any{
		tree{
			"from": []any{tree{"source": tree{"namespaces": []any{namespaceName(i), namespaceName((i + 1) % namespaces)}}}},
			"to":   []any{tree{"operation": tree{"paths": []any{"/grpc.health.v1.Health/*", markedPath(marker)}}}},
		},
	}})
}

// workloadPolicy returns the i-th policy of a workload. If there are more policies than services, some services have several.
func (p *plan) workloadPolicy(i, marker int) *unstructured.Unstructured {
	s := i % p.o.services
	principal := func(of int) any {
		return fmt.Sprintf("%s/ns/%s/sa/%s", trustDomain, p.namespace(of%p.o.services), p.name(of%p.o.services))
	}
	return policy(p.namespace(s), fmt.Sprint("workload-", i), tree{
		"selector": tree{"matchLabels": tree{appLabel: p.name(s)}}, "action": "ALLOW",
		"rules": []any{
			tree{
				"from": []any{tree{"source": tree{"principals": []any{principal(s + 1), principal(s + 2), principal(s + 3)}}}},
				"to":   []any{tree{"operation": tree{"paths": []any{"/scale.Service/Get", "/scale.Service/List", markedPath(marker)}}}},
			},
			tree{
				"from": []any{tree{"source": tree{"principals": []any{principal(s + 4)}}}},
				"to":   []any{tree{"operation": tree{"paths": []any{"/scale.Service/*"}}}},
				"when": []any{tree{"key": "request.headers[x-tenant]", "values": []any{"a", "b"}}},
			},
		},
	})
}

const (
	trustDomain = "cluster.local"
	appLabel    = "app"
)

// serverLabels are the labels of a service's pods, as a map of the form that objects have.
func (p *plan) serverLabels(s int) map[string]string {
	return map[string]string{appLabel: p.name(s), "mizzen.dev/identity": "spiffe", "mizzen.dev/server": "xds"}
}

// pods are the servers of a service.
func (p *plan) pods(s int) []*unstructured.Unstructured {
	all := make([]*unstructured.Unstructured, p.o.endpoints)
	for i := range all {
		all[i] = p.object("v1", "Pod", p.pod(s, i), s)
		all[i].SetLabels(p.serverLabels(s))
		all[i].Object["spec"] = tree{"serviceAccountName": p.name(s)}
	}
	return all
}

func (p *plan) pod(s, i int) string { return fmt.Sprint(p.name(s), "-", i) }
