package mesh

import (
	"cmp"

	networking "istio.io/api/networking/v1"
)

// Delegate is a VirtualService that a rule of another hands its calls to.
type Delegate struct {
	// VirtualService is nil when the VirtualService has hosts of its own: then it is no delegate. It has no delegates itself.
	VirtualService *VirtualService
	// Visible says that it is exported to the namespace of the rule.
	Visible bool
}

// DelegateRef names the VirtualService that a rule of that namespace delegates to.
func DelegateRef(d *networking.Delegate, namespace string) Ref {
	return Ref{Kind: "VirtualService", Namespace: cmp.Or(d.GetNamespace(), namespace), Name: d.GetName()}
}

// Delegate finds what a rule delegates to. It fails when there is no such VirtualService.
func (r *VirtualService) Delegate(d *networking.Delegate) (Delegate, Ref, bool) {
	ref := DelegateRef(d, r.Ref.Namespace)
	found, ok := r.Delegates[ref.Key()]
	return found, ref, ok
}

// IsDelegate says whether the VirtualService holds for no host of its own, but for what is delegated to it.
func (r *VirtualService) IsDelegate() bool { return len(r.Spec.GetHosts()) == 0 }

// Key is namespace/name, which names an object whose kind is known.
func (r Ref) Key() string { return r.Namespace + "/" + r.Name }
