package mesh

import (
	"cmp"

	networking "istio.io/api/networking/v1"
)

// Delegate is a VirtualService that a route rule of another VirtualService delegates to.
type Delegate struct {
	// VirtualService is nil if the VirtualService declares hosts, because then it is not a delegate. Its own
	// Delegates are empty.
	VirtualService *VirtualService
	// Visible is set if the delegate is exported to the namespace of the rule.
	Visible bool
	// Shared is set if another VirtualService delegates to it, too.
	Shared bool
}

// DelegateRef returns the Ref of the VirtualService that a rule in the namespace delegates to.
func DelegateRef(d *networking.Delegate, namespace string) Ref {
	return Ref{Kind: "VirtualService", Namespace: cmp.Or(d.GetNamespace(), namespace), Name: d.GetName()}
}

// Delegate finds the delegate of a rule. The Ref is valid even if there is no such VirtualService.
func (v *VirtualService) Delegate(d *networking.Delegate) (Delegate, Ref, bool) {
	ref := DelegateRef(d, v.Ref.Namespace)
	found, ok := v.Delegates[ref.Key()]
	return found, ref, ok
}

// IsDelegate reports whether the VirtualService declares no hosts. It then applies only where a rule delegates to it.
func (v *VirtualService) IsDelegate() bool { return len(v.Spec.GetHosts()) == 0 }

// Key returns namespace/name, the key of an object among objects of one kind.
func (r Ref) Key() string { return r.Namespace + "/" + r.Name }
