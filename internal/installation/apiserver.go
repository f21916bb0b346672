package installation

import (
	"context"
	"errors"
	"fmt"
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

// checkDefinitions finds out whether the cluster has the kinds of rules, in the version that is read.
func (c *cluster) checkDefinitions(ctx context.Context) ([]Finding, error) {
	var served, missing []string
	var group, version string
	for row := range object.Authored() {
		group, version = row.Resource.Group, row.Resource.Version
		has, err := c.serves(ctx, row.Resource)
		switch {
		case err != nil:
			return nil, err
		case has:
			served = append(served, string(row.Kind))
		default:
			missing = append(missing, string(row.Kind))
		}
	}
	if len(missing) == 0 {
		return one(ok("%s are served in %s/%s.", strings.Join(served, " and "), group, version))
	}
	const install = "Install Istio's CRDs: make crds, then kubectl apply --server-side -f bin/crds.yaml."
	var other metav1.APIGroup
	err := c.fetch(ctx, "/apis/"+group, &other)
	switch {
	case apierrors.IsNotFound(err):
		return one(warn(install, "The cluster has no CRDs of %s. Only Services take effect.", group))
	case err != nil:
		return nil, fmt.Errorf("look for the versions of %s: %w", group, err)
	}
	var versions []string
	for _, v := range other.Versions {
		versions = append(versions, v.Version)
	}
	return one(fail(install, "%s is not served in %s/%s, which is the version that Mizzen reads. The group has the versions %s. These objects have no effect.",
		strings.Join(missing, " and "), group, version, strings.Join(versions, ", ")))
}
