package installation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// checkAPIServer finds out whether the API server answers, and whether it can inject pods by itself.
func (c *cluster) checkAPIServer(ctx context.Context) ([]Finding, error) {
	var version struct {
		GitVersion string `json:"gitVersion"`
	}
	err := c.fetch(ctx, "/version", &version)
	if err == nil && version.GitVersion == "" {
		err = errors.New("the answer has no version of Kubernetes")
	}
	if err != nil {
		return one(fail("Make it reachable, or select another cluster with --context or --kubeconfig.", "The API server does not answer as one of Kubernetes: %v.", err))
	}
	injects, err := c.serves(ctx, policies)
	if err != nil {
		return nil, err
	}
	if !injects {
		return one(warn("Upgrade to Kubernetes 1.36, or give pods the bootstrap as docs/INSTALL.md describes for older versions.",
			"Kubernetes %s does not serve MutatingAdmissionPolicy in version v1. Pods are not injected.", version.GitVersion))
	}
	return one(ok("Kubernetes %s answers and serves MutatingAdmissionPolicy.", version.GitVersion))
}

// definitionGroups are the groups of the kinds that people write, with what is so if a cluster has none of their kinds, and how to
// install them.
var definitionGroups = []struct{ group, without, install string }{
	{"networking.istio.io", "Only Services take effect", installIstio},
	{"security.istio.io", "No policy takes effect: servers accept all callers", installIstio},
	{
		"gateway.networking.k8s.io", "They are needed only for GRPCRoutes and HTTPRoutes",
		"Install the CRDs of the Gateway API in one of the versions of docs/INSTALL.md.",
	},
}

const installIstio = "Install Istio's CRDs: make crds, then kubectl apply --server-side -f bin/crds.yaml."

// checkDefinitions finds out whether the cluster has the kinds that people write, in the version that is read.
func (c *cluster) checkDefinitions(ctx context.Context) ([]Finding, error) {
	var all []Finding
	for _, g := range definitionGroups {
		d, err := c.definitionsOf(ctx, g.group)
		if err != nil {
			return nil, err
		}
		if len(d.missing) == 0 {
			all = append(all, ok("%s are served in %s.", strings.Join(d.served, " and "), d.version))
			continue
		}
		var other metav1.APIGroup
		err = c.fetch(ctx, "/apis/"+g.group, &other)
		switch {
		case apierrors.IsNotFound(err) && d.elective:
			all = append(all, ok("The cluster has no CRDs of %s. %s.", g.group, g.without))
			continue
		case apierrors.IsNotFound(err):
			all = append(all, warn(g.install, "The cluster has no CRDs of %s. %s.", g.group, g.without))
			continue
		case err != nil:
			return nil, fmt.Errorf("look for the versions of %s: %w", g.group, err)
		}
		var versions []string
		for _, v := range other.Versions {
			versions = append(versions, v.Version)
		}
		finding := fail
		if d.elective {
			finding = warn
		}
		all = append(all, finding(g.install, "The cluster does not serve %s in %s, which is the version that Mizzen reads. The group has the versions %s. These objects have no effect.",
			strings.Join(d.missing, " and "), d.version, strings.Join(versions, ", ")))
	}
	return all, nil
}

// groupDefinitions is which of the kinds of a group that people write are served in the version that is read, such as group/v1. elective
// means that a mesh may do without each of those that are missing.
type groupDefinitions struct {
	version         string
	served, missing []string
	elective        bool
}

func (c *cluster) definitionsOf(ctx context.Context, group string) (groupDefinitions, error) {
	d := groupDefinitions{elective: true}
	rows := slices.DeleteFunc(slices.Collect(object.Authored()), func(row *object.KindRow) bool { return row.Resource.Group != group })
	needed := slices.ContainsFunc(rows, func(row *object.KindRow) bool { return !row.Elective })
	for _, row := range rows {
		if needed && row.Elective {
			continue // Who needs it gets an error of the API server.
		}
		d.version = row.Resource.GroupVersion().String()
		has, err := c.serves(ctx, row.Resource)
		switch {
		case err != nil:
			return d, err
		case has:
			d.served = append(d.served, string(row.Kind))
		default:
			d.missing, d.elective = append(d.missing, string(row.Kind)), d.elective && row.Elective
		}
	}
	return d, nil
}
