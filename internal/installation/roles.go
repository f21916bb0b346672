package installation

import (
	"context"
	"slices"
)

// grants are the rights of the control plane's ServiceAccount by the roles that are bound to it.
type grants struct {
	*cluster

	account string
}

// allow reports whether a role grants a right.
func (g *grants) allow(ctx context.Context, a access) (bool, error) {
	bindings, err := list[roleBinding](ctx, g.cluster, clusterRoleBindings, "", "")
	if err != nil {
		return false, err
	}
	if granted, err := g.grantedBy(ctx, bindings, "", a); granted || err != nil || a.Resource == nil || a.Resource.Namespace == "" {
		return granted, err
	}
	if bindings, err = list[roleBinding](ctx, g.cluster, roleBindings, a.Resource.Namespace, ""); err != nil {
		return false, err
	}
	return g.grantedBy(ctx, bindings, a.Resource.Namespace, a)
}

func (g *grants) grantedBy(ctx context.Context, bindings []roleBinding, namespace string, a access) (bool, error) {
	for _, b := range bindings {
		if !g.binds(b) {
			continue
		}
		kind, in := clusterRoles, ""
		if b.RoleRef.Kind == "Role" {
			kind, in = roles, namespace
		}
		found, err := get[role](ctx, g.cluster, kind, in, b.RoleRef.Name)
		if err != nil {
			return false, err
		}
		if found != nil && slices.ContainsFunc(found.Rules, a.grantedBy) {
			return true, nil
		}
	}
	return false, nil
}

// binds reports whether a binding is for the ServiceAccount, or for one of its groups.
func (g *grants) binds(b roleBinding) bool {
	for _, s := range b.Subjects {
		switch s.Kind {
		case "ServiceAccount":
			if s.Name == g.account && s.Namespace == g.Namespace {
				return true
			}
		case "Group":
			if slices.Contains(accountGroups(g.Namespace), s.Name) {
				return true
			}
		case "User":
			if s.Name == "system:serviceaccount:"+g.Namespace+":"+g.account {
				return true
			}
		}
	}
	return false
}

// grantedBy reports whether a rule of a role grants the right.
func (a access) grantedBy(r rule) bool {
	has := func(all []string, one string) bool { return slices.Contains(all, "*") || slices.Contains(all, one) }
	if a.Path != nil {
		return has(r.NonResourceURLs, a.Path.Path) && has(r.Verbs, a.Path.Verb)
	}
	name := a.Resource.Resource
	if a.Resource.Subresource != "" {
		name += "/" + a.Resource.Subresource
	}
	return has(r.Verbs, a.Resource.Verb) && has(r.APIGroups, a.Resource.Group) && has(r.Resources, name) &&
		(len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, a.Resource.Name))
}
