package installation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// installed is the name of the Deployment, Service, Lease and roles in the manifests and the chart.
const installed = "mizzen"

// deployment reads the Deployment. It is only called after checkDeployment has found one, or could not read it.
func (c *cluster) deployment(ctx context.Context) (*deployment, error) {
	d, err := get[deployment](ctx, c, deployments, c.Namespace, installed)
	if d == nil && err == nil {
		err = fmt.Errorf("there is no Deployment %s in namespace %s", installed, c.Namespace)
	}
	return d, err
}

// replicas lists the pods of the Deployment that are not being deleted.
func (c *cluster) replicas(ctx context.Context, d *deployment) ([]corev1.Pod, error) {
	all, err := list[corev1.Pod](ctx, c, pods, c.Namespace, metav1.FormatLabelSelector(d.Spec.Selector))
	return slices.DeleteFunc(all, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil }), err
}

func (c *cluster) checkDeployment(ctx context.Context) ([]Finding, error) {
	d, err := get[deployment](ctx, c, deployments, c.Namespace, installed)
	switch {
	case err != nil:
		return nil, err
	case d == nil:
		return one(fail("Install Mizzen as docs/INSTALL.md describes, or name its namespace with --mizzen-namespace.",
			"There is no Deployment %s in namespace %s.", installed, c.Namespace))
	}
	var images []string
	for i := range d.Spec.Template.Spec.Containers {
		images = append(images, d.Spec.Template.Spec.Containers[i].Image)
	}
	return one(ok("The Deployment %s/%s runs %s.", c.Namespace, installed, strings.Join(images, ", ")))
}

func (c *cluster) checkReplicas(ctx context.Context) ([]Finding, error) {
	d, err := c.deployment(ctx)
	if err != nil {
		return nil, err
	}
	all, err := c.replicas(ctx, d)
	if err != nil {
		return nil, err
	}
	want, ready := 1, 0
	if d.Spec.Replicas != nil {
		want = int(*d.Spec.Replicas)
	}
	var unready []string
	for i := range all {
		if why := whyNotReady(&all[i]); why != "" {
			unready = append(unready, fmt.Sprintf("%s (%s)", all[i].Name, why))
		} else {
			ready++
		}
	}
	found := fmt.Sprintf("%d of %d replicas are ready.", ready, want)
	if len(unready) > 0 {
		found += " Not ready: " + names(unready) + "."
	}
	if failure := d.condition("ReplicaFailure"); failure != "" {
		found += " Pods cannot be created: " + failure + "."
	}
	do := fmt.Sprintf("Look at kubectl -n %s describe pods, and at the replicas' logs.", c.Namespace)
	switch {
	case want == 0:
		return one(fail("Scale the Deployment up.", "The Deployment has 0 replicas."))
	case ready == 0:
		return one(fail(do, "%s", found))
	case ready < want || len(unready) > 0:
		return one(warn(do, "%s", found))
	}
	return one(ok("%s", found))
}

// whyNotReady returns why a pod is not ready; empty if it is.
func whyNotReady(p *corev1.Pod) string {
	why := "it has not started"
	for _, condition := range p.Status.Conditions {
		switch {
		case condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue:
			return ""
		case condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse:
			return "not scheduled: " + condition.Message
		case condition.Type == corev1.PodReady && condition.Message != "":
			why = condition.Message
		}
	}
	for i := range p.Status.ContainerStatuses {
		if waiting := p.Status.ContainerStatuses[i].State.Waiting; waiting != nil && waiting.Reason != "" {
			return strings.TrimSuffix(waiting.Reason+": "+waiting.Message, ": ")
		}
	}
	return why
}

// checkVersions compares the versions of the replicas with each other and with this binary.
func (c *cluster) checkVersions(ctx context.Context) ([]Finding, error) {
	all, err := c.Replicas(ctx)
	var of []string
	for _, r := range all {
		of = append(of, r.Name+" has "+r.Version)
	}
	switch {
	case apierrors.IsForbidden(err):
		return nil, &requestError{"create", resource("", "pods/portforward"), c.Namespace, "", err}
	case err != nil && len(all) == 0:
		return one(warn("Look at the replicas, and compare the versions with controlplane version.", "No replica answers: %v.", err))
	case err != nil:
		return one(warn("Look at the replicas that do not answer.", "Not all replicas answer: %v. Known: %s.", err, names(of)))
	}
	for _, r := range all {
		if r.Version != all[0].Version {
			return one(warn("Wait until the rollout has ended, and see that all replicas run one image.", "The replicas have different versions: %s.", names(of)))
		}
	}
	if len(all) > 0 && all[0].Version != c.Version {
		return one(warn("Use a binary of the control plane's version, because other versions may find other Problems.",
			"The replicas have version %s. This binary has version %s.", all[0].Version, c.Version))
	}
	return one(ok("%s and this binary have version %s.", count(len(all), "replica"), c.Version))
}

func (c *cluster) checkLease(ctx context.Context) ([]Finding, error) {
	d, err := c.deployment(ctx)
	if err != nil {
		return nil, err
	}
	if d.flag("write-status", "auto") == "off" {
		return one(ok("--write-status is off. No conditions are written, and no Lease is needed."))
	}
	namespace, name, _ := strings.Cut(d.flag("lease", c.Namespace+"/"+installed), "/")
	l, err := get[lease](ctx, c, leases, namespace, name)
	if err != nil {
		return nil, err
	}
	const do = "Look at the replicas' logs, and at the line rights."
	switch {
	case l == nil:
		return one(warn(do, "There is no Lease %s/%s. No replica writes conditions.", namespace, name))
	case l.Spec.HolderIdentity == "":
		return one(warn(do, "No replica owns the Lease %s/%s. No conditions are written.", namespace, name))
	case l.Spec.RenewTime == nil:
		return one(warn(do, "The replica %s owns the Lease %s/%s and never renewed it. No conditions are written.", l.Spec.HolderIdentity, namespace, name))
	case c.Now.Sub(l.Spec.RenewTime.Time) > 2*time.Duration(l.Spec.LeaseDurationSeconds)*time.Second:
		return one(warn(do+" If they are as they should be, compare the clocks.", "The replica %s owns the Lease %s/%s and has not renewed it since %s. No conditions are written.",
			l.Spec.HolderIdentity, namespace, name, l.Spec.RenewTime.UTC().Format(time.RFC3339)))
	}
	all, err := c.replicas(ctx, d)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(all, func(p corev1.Pod) bool { return p.Name == l.Spec.HolderIdentity }) {
		return one(warn("End that process, or give it --write-status=off.",
			"%s owns the Lease %s/%s, and is not a pod of the Deployment. It writes the conditions.", l.Spec.HolderIdentity, namespace, name))
	}
	return one(ok("The replica %s writes conditions.", l.Spec.HolderIdentity))
}

func (c *cluster) checkDisruption(ctx context.Context) ([]Finding, error) {
	d, err := c.deployment(ctx)
	if err != nil {
		return nil, err
	}
	all, err := list[disruptionBudget](ctx, c, budgets, c.Namespace, "")
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(b disruptionBudget) bool { return !selects(b.Spec.Selector, d.Spec.Template.Labels) })
	switch {
	case len(all) == 0:
		return one(warn("Apply manifests/base/disruption.yaml.", "No PodDisruptionBudget selects the replicas. Draining nodes may end all of them at once."))
	case len(all) > 1:
		return one(warn("Remove all but one.", "%d PodDisruptionBudgets select the replicas. Kubernetes evicts no pod that more than one selects.", len(all)))
	}
	status := all[0].Status
	if status.ExpectedPods > 0 && status.DisruptionsAllowed == 0 && status.CurrentHealthy >= status.ExpectedPods {
		return one(warn("Run more replicas, or let it allow one disruption.", "The PodDisruptionBudget %s allows no disruption, although all replicas are healthy. Drains of their nodes wait.", all[0].Name))
	}
	return one(ok("The PodDisruptionBudget %s selects the replicas.", all[0].Name))
}
