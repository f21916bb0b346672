package installation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// access is a right that the control plane needs. It is the spec of a SubjectAccessReview without the user: either
// attributes of a resource or a path.
type access struct {
	Resource *resourceAccess `json:"resourceAttributes,omitempty"`
	Path     *pathAccess     `json:"nonResourceAttributes,omitempty"`
}

type resourceAccess struct {
	Namespace   string `json:"namespace,omitempty"`
	Verb        string `json:"verb"`
	Group       string `json:"group,omitempty"`
	Resource    string `json:"resource"`
	Subresource string `json:"subresource,omitempty"`
	Name        string `json:"name,omitempty"`
}

type pathAccess struct {
	Path string `json:"path"`
	Verb string `json:"verb"`
}

func (a access) String() string {
	if a.Path != nil {
		return a.Path.Verb + " " + a.Path.Path
	}
	r := a.Resource
	text := r.Verb + " " + r.Resource
	if r.Subresource != "" {
		text += "/" + r.Subresource
	}
	if r.Group != "" {
		text += "." + r.Group
	}
	if r.Namespace != "" {
		text += " in namespace " + r.Namespace
	}
	return text
}

// need is a right with what is missing without it.
type need struct {
	access

	// without states the effect. severe means that the control plane does not serve, or serves no clients.
	without string
	severe  bool
}

// needs lists the rights that the control plane of a Deployment needs, from the kinds that it reads and from its flags.
func (c *cluster) needs(d *deployment) []need {
	var all []need
	writes := d.flag("write-status", "auto") != "off"
	within := strings.Split(d.flag("namespaces", ""), ",")
	for _, row := range object.Kinds {
		add := func(verb, subresource, namespace, without string, severe bool) {
			all = append(all, need{access{Resource: &resourceAccess{
				Namespace: namespace, Verb: verb, Group: row.Resource.Group, Resource: row.Resource.Resource, Subresource: subresource,
			}}, without, severe})
		}
		for _, namespace := range within {
			if row.ClusterScoped {
				namespace = ""
			}
			for _, verb := range []string{"list", "watch"} {
				if row.Without != "" {
					add(verb, "", namespace, "the control plane does not know "+row.Without, false)
				} else {
					add(verb, "", namespace, "the control plane never becomes ready", true)
				}
			}
			if row.Authored && writes {
				add("get", "", namespace, "no conditions are written", false)
				add("update", "status", namespace, "no conditions are written", false)
			}
			if row.ClusterScoped {
				break
			}
		}
	}
	if d.flag("identity", "auto") != "claim" {
		for _, path := range []string{"/openid/v1/jwks", "/.well-known/openid-configuration"} {
			all = append(all, need{access{Path: &pathAccess{path, "get"}}, "no client is identified by its token", d.flag("xds-tls-address", "") != ""})
		}
	}
	if !writes {
		return all
	}
	for _, namespace := range within {
		all = append(all, need{access{Resource: &resourceAccess{Namespace: namespace, Verb: "create", Group: "events.k8s.io", Resource: "events"}}, "no Events are written", false})
	}
	leaseNamespace, leaseName, _ := strings.Cut(d.flag("lease", c.Namespace+"/"+installed), "/")
	for _, verb := range []string{"get", "create", "update"} {
		a := &resourceAccess{Namespace: leaseNamespace, Verb: verb, Group: leases.Group, Resource: leases.Resource}
		if verb != "create" {
			a.Name = leaseName // a right to create cannot be restricted to a name
		}
		all = append(all, need{access{Resource: a}, "no conditions are written", false})
	}
	return all
}

// checkRights asks the API server whether the control plane's ServiceAccount has its rights. An account that may not ask
// compares the roles that are bound to the ServiceAccount.
func (c *cluster) checkRights(ctx context.Context) ([]Finding, error) {
	d, err := c.deployment(ctx)
	if err != nil {
		return nil, err
	}
	user := "system:serviceaccount:" + c.Namespace + ":" + d.account()
	allowed, by := func(a access) (bool, error) { return c.review(ctx, user, a) }, "according to the API server"
	all := c.needs(d)
	if _, err := allowed(all[0].access); apierrors.IsForbidden(err) {
		granted := &grants{cluster: c, account: d.account()}
		allowed, by = func(a access) (bool, error) { return granted.allow(ctx, a) }, "according to its roles"
		if _, other := allowed(all[0].access); other != nil {
			refusal := unread(err)
			refusal.Found += fmt.Sprintf(" Nor can its roles be compared: %v.", other)
			return one(refusal)
		}
	}
	var missing []need
	for _, n := range all {
		may, err := allowed(n.access)
		if err != nil {
			return nil, err
		}
		if !may {
			missing = append(missing, n)
		}
	}
	if len(missing) == 0 {
		return one(ok("The ServiceAccount %s has the %d rights that it needs, %s.", d.account(), len(all), by))
	}
	return byEffect(d.account(), missing), nil
}

// byEffect makes a Finding for all missing rights with the same effect.
func byEffect(account string, missing []need) []Finding {
	var findings []Finding
	for len(missing) > 0 {
		first := missing[0]
		var texts []string
		missing = slices.DeleteFunc(missing, func(n need) bool {
			same := n.without == first.without && n.severe == first.severe
			if same {
				texts = append(texts, n.String())
			}
			return same
		})
		finding := warn
		if first.severe {
			finding = fail
		}
		findings = append(findings, finding("Apply manifests/base/rights.yaml, or grant them in another way.",
			"The ServiceAccount %s may not %s. Without these rights, %s.", account, names(texts), first.without))
	}
	return findings
}

// review asks the API server whether a user has a right.
func (c *cluster) review(ctx context.Context, user string, a access) (bool, error) {
	type spec struct {
		access

		User   string   `json:"user"`
		Groups []string `json:"groups"`
	}
	object, err := json.Marshal(map[string]any{
		"apiVersion": accessReviews.GroupVersion().String(), "kind": "SubjectAccessReview",
		"spec": spec{a, user, accountGroups(c.Namespace)},
	})
	if err != nil {
		return false, err
	}
	body, err := c.API.Create(ctx, pathOf(accessReviews, ""), object)
	if err != nil {
		return false, &requestError{"create", accessReviews, "", "", err}
	}
	var answer struct {
		Status struct {
			Allowed bool `json:"allowed"`
		} `json:"status"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return false, fmt.Errorf("the answer to a SubjectAccessReview is not one: %w", err)
	}
	return answer.Status.Allowed, nil
}

// accountGroups are the groups of every ServiceAccount of a namespace.
func accountGroups(namespace string) []string {
	return []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"}
}
