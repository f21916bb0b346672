package installation

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

const (
	// injection is the name of the policy, its binding and its ConfigMap.
	injection = "mizzen-injection"
	// injectLabel is the label of injected namespaces, and injectEnabled its value.
	injectLabel   = "mizzen.dev/inject"
	injectEnabled = "enabled"
	// authoritiesKey is the key of the ConfigMap with the authorities of the control plane's certificate.
	authoritiesKey = "ca.crt"
)

// maxAuthorities is the size of authorities for which no pod has room: the policy's limit for all annotations.
const maxAuthorities = 256000

// The transports to the control plane: the values of the key transport of the ConfigMap and of the annotation
// mizzen.dev/xds of pods.
const (
	plaintext = "plaintext"
	encrypted = "tls"
)

// policy reads the policy that injects; nil if it does not exist, or cannot exist in this cluster.
func (c *cluster) policy(ctx context.Context) (*admissionPolicy, error) {
	return get[admissionPolicy](ctx, c, policies, "", injection)
}

func (c *cluster) checkPolicy(ctx context.Context) ([]Finding, error) {
	const apply = "Apply manifests/injection, or give pods the bootstrap as docs/INSTALL.md describes for older versions of Kubernetes."
	policy, err := c.policy(ctx)
	if err != nil {
		return nil, err
	}
	if policy == nil {
		return one(warn(apply, "There is no MutatingAdmissionPolicy %s. Pods are not injected.", injection))
	}
	binding, err := get[admissionBinding](ctx, c, policyBindings, "", injection)
	switch {
	case err != nil:
		return nil, err
	case binding == nil:
		return one(fail("Apply manifests/injection.", "The MutatingAdmissionPolicy %s has no binding of this name. Pods are not injected.", injection))
	case binding.Spec.PolicyName != injection:
		return one(fail("Apply manifests/injection.", "The binding %s is for the policy %q. Pods are not injected.", injection, binding.Spec.PolicyName))
	case binding.Spec.ParamRef == nil:
		return one(fail("Apply manifests/injection.", "The binding %s names no ConfigMap. Pods are not injected.", injection))
	case binding.Spec.ParamRef.Namespace != c.Namespace || binding.Spec.ParamRef.Name != injection:
		return one(fail("Apply the manifests of the namespace that Mizzen runs in.", "The binding %s names the ConfigMap %s/%s, not %s/%s. Pods are not injected with it.",
			injection, binding.Spec.ParamRef.Namespace, binding.Spec.ParamRef.Name, c.Namespace, injection))
	}
	return one(ok("The MutatingAdmissionPolicy %s is bound, with the ConfigMap %s/%s.", injection, c.Namespace, injection))
}

type namespace struct {
	metav1.ObjectMeta `json:"metadata"`
}

// injected lists the namespaces that the policy injects, and other namespaces that have its label.
func (c *cluster) injected(ctx context.Context) (injected, others []namespace, err error) {
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{injectLabel: injectEnabled}}
	policy, err := c.policy(ctx)
	if err != nil {
		return nil, nil, err
	}
	if policy != nil && policy.Spec.MatchConstraints.NamespaceSelector != nil {
		selector = policy.Spec.MatchConstraints.NamespaceSelector
	}
	all, err := list[namespace](ctx, c, namespaces, "", "")
	for _, ns := range all {
		if selects(selector, ns.Labels) {
			injected = append(injected, ns)
		} else if _, ok := ns.Labels[injectLabel]; ok {
			others = append(others, ns)
		}
	}
	return injected, others, err
}

func (c *cluster) checkNamespaces(ctx context.Context) ([]Finding, error) {
	injected, others, err := c.injected(ctx)
	if err != nil {
		return nil, err
	}
	var found, wrong []string
	for _, ns := range injected {
		found = append(found, ns.Name)
	}
	for _, ns := range others {
		if value := ns.Labels[injectLabel]; value != "disabled" && value != "false" {
			wrong = append(wrong, fmt.Sprintf("%s (%q)", ns.Name, value))
		}
	}
	var findings []Finding
	if len(wrong) > 0 {
		findings = append(findings, warn(fmt.Sprintf("Set the label to %s, or remove it.", injectEnabled), "These namespaces have another value of the label %s: %s. Their pods are not injected.", injectLabel, names(wrong)))
	}
	if len(found) == 0 {
		return append(findings, warn(fmt.Sprintf("kubectl label namespace NAME %s=%s, then restart its workloads.", injectLabel, injectEnabled),
			"No namespace has the label %s=%s. No pod is injected.", injectLabel, injectEnabled)), nil
	}
	return append(findings, ok("Pods are injected in %s: %s.", count(len(found), "namespace"), names(found))), nil
}

// labeled returns the injected namespaces whose pods get something more by a label with a value, and Findings of the
// namespaces whose label has no effect.
func (c *cluster) labeled(ctx context.Context, label, value, what string) (selected []string, findings []Finding, err error) {
	injected, _, err := c.injected(ctx)
	if err != nil {
		return nil, nil, err
	}
	all, err := list[namespace](ctx, c, namespaces, "", "")
	if err != nil {
		return nil, nil, err
	}
	isInjected := map[string]bool{}
	for _, ns := range injected {
		isInjected[ns.Name] = true
	}
	var useless, unknown []string
	for _, ns := range all {
		switch got, found := ns.Labels[label]; {
		case !found || got == "none":
		case got != value:
			unknown = append(unknown, fmt.Sprintf("%s (%q)", ns.Name, got))
		case isInjected[ns.Name]:
			selected = append(selected, ns.Name)
		default:
			useless = append(useless, ns.Name)
		}
	}
	if len(unknown) > 0 {
		findings = append(findings, warn(fmt.Sprintf("Set the label to %s, or remove it.", value), "These namespaces have another value of the label %s: %s. Their pods do not get %s.", label, names(unknown), what))
	}
	if len(useless) > 0 {
		findings = append(findings, warn(fmt.Sprintf("kubectl label namespace NAME %s=%s, then restart its workloads.", injectLabel, injectEnabled),
			"These namespaces have the label %s and are not injected: %s. Their pods do not get %s.", label, names(useless), what))
	}
	return selected, findings, nil
}

// target is where the bootstrap of one transport sends clients.
type target struct {
	transport string
	// usual is true for the transport of pods that do not choose one.
	usual bool
	// host is the name that clients dial, and service, namespace and port are what it means.
	host, service, namespace string
	port                     int32
	// fallbacks are the control planes that clients fall back to.
	fallbacks []string
}

// targets returns the targets of the bootstraps in the ConfigMap whose Service has the port, and Findings about the others.
// Without the ConfigMap they are the ports that the Service in the manifests has.
func (c *cluster) targets(ctx context.Context) (all []target, findings []Finding, err error) {
	config, err := get[corev1.ConfigMap](ctx, c, configMaps, c.Namespace, injection)
	if err != nil {
		return nil, nil, err
	}
	d, err := c.deployment(ctx)
	if err != nil {
		return nil, nil, err
	}
	usual := plaintext
	if config != nil && config.Data["transport"] == encrypted {
		usual = encrypted
	}
	for _, t := range []struct {
		transport string
		served    bool
		port      int32
	}{
		{plaintext, d.flag("xds-address", "") != "off", 15010},
		{encrypted, d.flag("xds-tls-address", "") != "", 15012},
	} {
		at := target{transport: t.transport, usual: t.transport == usual, host: installed + "." + c.Namespace + ".svc", service: installed, namespace: c.Namespace, port: t.port}
		if config != nil {
			if finding := at.parse(config); finding != nil {
				findings = append(findings, *finding)
				continue
			}
		}
		switch finding, err := c.checkTarget(ctx, at, t.served); {
		case err != nil:
			return nil, nil, err
		case finding != nil:
			findings = append(findings, *finding)
		case t.served:
			all = append(all, at)
		}
	}
	return all, findings, nil
}

// parse reads the bootstrap of the transport.
func (t *target) parse(config *corev1.ConfigMap) *Finding {
	key := t.transport + ".json"
	problem := func(format string, args ...any) *Finding {
		f := fail("Apply manifests/injection, or correct the key.", "%s", fmt.Sprintf("The key %s of the ConfigMap %s/%s ", key, config.Namespace, config.Name)+fmt.Sprintf(format, args...))
		if !t.usual {
			f.Status = Warn
		}
		return &f
	}
	text, found := config.Data[key]
	if !found {
		return problem("is missing. Pods by this transport are not injected.")
	}
	server, err := bootstrap.ParseServer([]byte(text))
	if err != nil {
		return problem("is not a valid bootstrap: %v. Clients fail at start.", err)
	}
	if secured := server.TLS; secured != (t.transport == encrypted) {
		return problem("is for another transport than %s.", t.transport)
	}
	t.fallbacks = server.Fallbacks
	var inCluster bool
	if t.host, t.service, t.namespace, t.port, inCluster = serviceOf(server.URI); !inCluster {
		f := warn("Make sure that it leads to the control plane.", "The bootstrap for %s names %q, which is not SERVICE.NAMESPACE.svc:PORT. Whether it leads to the control plane is not checked.", t.transport, server.URI)
		return &f
	}
	return nil
}

// serviceOf splits SERVICE.NAMESPACE.svc:PORT, which is false of other targets.
func serviceOf(uri string) (host, service, namespace string, port int32, ok bool) {
	host, text, err := net.SplitHostPort(strings.TrimPrefix(uri, "dns:///"))
	labels := strings.Split(host, ".")
	number, invalid := strconv.ParseUint(text, 10, 16)
	if err != nil || invalid != nil || len(labels) < 3 || labels[2] != "svc" {
		return "", "", "", 0, false
	}
	return host, labels[0], labels[1], int32(number), true
}

// destinations says where clients connect to, and returns Findings about the control planes that they fall back to.
func (c *cluster) destinations(ctx context.Context, all []target) (texts []string, findings []Finding, err error) {
	for _, t := range all {
		text := fmt.Sprintf("%s to %s:%d", t.transport, t.host, t.port)
		if t.usual {
			text += " (the default)"
		}
		fallbacks, more, err := c.checkFallbacks(ctx, t)
		if err != nil {
			return nil, nil, err
		}
		if findings = append(findings, more...); len(fallbacks) > 0 {
			text += ", else to " + strings.Join(fallbacks, ", ")
		}
		texts = append(texts, text)
	}
	return texts, findings, nil
}

// checkFallbacks checks what is known of the control planes that clients fall back to: the Service that leads to one.
func (c *cluster) checkFallbacks(ctx context.Context, t target) (texts []string, findings []Finding, err error) {
	for _, uri := range t.fallbacks {
		_, name, namespace, port, ok := serviceOf(uri)
		if !ok {
			texts = append(texts, uri)
			continue
		}
		service, err := get[corev1.Service](ctx, c, services, namespace, name)
		switch {
		case err != nil:
			return nil, nil, err
		case service == nil:
			findings = append(findings, warn("Apply manifests/components/fallback, or remove it from the bootstrap.",
				"The bootstrap for %s names the Service %s/%s to fall back to, which does not exist. Clients cannot fall back.", t.transport, namespace, name))
		case service.Spec.Type == corev1.ServiceTypeExternalName && strings.HasSuffix(service.Spec.ExternalName, ".invalid"):
			findings = append(findings, warn("Set externalName to the name of the second control plane, as docs/CLUSTERS.md describes.",
				"The Service %s/%s, which clients fall back to by %s, has the externalName %q. Clients cannot fall back.", namespace, name, t.transport, service.Spec.ExternalName))
		case service.Spec.Type == corev1.ServiceTypeExternalName:
			texts = append(texts, fmt.Sprintf("%s (%s)", uri, service.Spec.ExternalName))
		case !slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == port }):
			findings = append(findings, warn("Add the port to the Service, or correct the bootstrap.",
				"The bootstrap for %s names port %d of the Service %s/%s to fall back to, which does not have it. Clients cannot fall back.", t.transport, port, namespace, name))
		default:
			texts = append(texts, uri)
		}
	}
	return texts, findings, nil
}

// checkTarget finds out whether the Service has the port of a target; nil if it has.
func (c *cluster) checkTarget(ctx context.Context, t target, served bool) (*Finding, error) {
	service, err := get[corev1.Service](ctx, c, services, t.namespace, t.service)
	if err != nil {
		return nil, err
	}
	var f Finding
	switch {
	case !served && !t.usual:
		return nil, nil //nolint:nilnil // nothing was found: no pod uses it
	case !served:
		f = fail("Give the Deployment the address and certificate of this transport, or set another transport in the ConfigMap.",
			"Pods are injected with the transport %s, which the Deployment does not serve.", t.transport)
	case service == nil:
		f = fail("Apply manifests/base/service.yaml, or correct the bootstrap.", "The bootstrap for %s names the Service %s/%s, which does not exist. Clients cannot connect.", t.transport, t.namespace, t.service)
	case !slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == t.port }):
		f = fail("Add the port to the Service, or correct the bootstrap.", "The bootstrap for %s names port %d, which the Service %s/%s does not have. Clients cannot connect.", t.transport, t.port, t.namespace, t.service)
	default:
		return nil, nil //nolint:nilnil // nothing was found
	}
	if !t.usual {
		f.Status = Warn
	}
	return &f, nil
}

func (c *cluster) checkBootstrap(ctx context.Context) ([]Finding, error) {
	config, err := get[corev1.ConfigMap](ctx, c, configMaps, c.Namespace, injection)
	if err != nil {
		return nil, err
	}
	policy, err := c.policy(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case config == nil && policy == nil:
		return one(ok("Nothing is injected, so there is no ConfigMap to check."))
	case config == nil:
		return one(fail("Apply manifests/injection.", "There is no ConfigMap %s/%s. Pods start without a bootstrap.", c.Namespace, injection))
	}
	all, findings, err := c.targets(ctx)
	if err != nil {
		return nil, err
	}
	if transport := config.Data["transport"]; transport != "" && transport != plaintext && transport != encrypted {
		findings = append(findings, warn("Set it to plaintext or tls.", "The key transport of the ConfigMap %s/%s is %q. It is ignored, and pods connect in plaintext.", c.Namespace, injection, transport))
	}
	if size := len(config.Data[authoritiesKey]); size >= maxAuthorities {
		findings = append(findings, fail("Leave only the authorities that sign the control plane's certificate.",
			"The key %s of the ConfigMap %s/%s has %d bytes. Pods with annotations of that size are not allowed, so they are not injected.", authoritiesKey, c.Namespace, injection, size))
	}
	texts, more, err := c.destinations(ctx, all)
	if findings = append(findings, more...); err != nil || len(findings) > 0 {
		return findings, err
	}
	return one(ok("Pods are injected with %s.", strings.Join(texts, " and ")))
}
