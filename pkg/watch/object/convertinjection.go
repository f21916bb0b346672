package object

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// InjectionPolicyName is the name of the policy in manifests/injection.
const InjectionPolicyName = "mizzen-injection"

// bootstrapVariables are the variables by which a container brings its own bootstrap.
var bootstrapVariables = []string{"GRPC_XDS_BOOTSTRAP", "GRPC_XDS_BOOTSTRAP_CONFIG"}

// wantsInjection reports whether the injection policy did not change a pod, and would have changed it in a namespace
// with the label. Its conditions are those in manifests/injection/policy.yaml, except that a pod of which one container
// brings its own bootstrap needs no other. Not meant are pods that are not from an API server, that are being deleted,
// and that share the address of their node, which proves nothing of a client.
func wantsInjection(p *corev1.Pod) bool {
	if p.UID == "" || p.DeletionTimestamp != nil || p.Spec.HostNetwork || p.Annotations[mesh.AnnotationInject] == "false" {
		return false
	}
	for _, done := range []string{mesh.AnnotationInjected, corev1.MirrorPodAnnotationKey} {
		if _, ok := p.Annotations[done]; ok {
			return false
		}
	}
	return !slices.ContainsFunc(slices.Concat(p.Spec.Containers, p.Spec.InitContainers), func(c corev1.Container) bool { return bringsBootstrap(&c) })
}

// bringsBootstrap reports whether a container has a bootstrap.
func bringsBootstrap(c *corev1.Container) bool {
	return slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return slices.Contains(bootstrapVariables, e.Name) })
}

// negations are values by which authors mean that injection should not change a pod. Only one of them does that.
var negations = []string{"false", "no", "off", "disabled", "disable", "never", "none", "0"}

// checkInjection reports values of a pod's annotations that the injection policy does not know.
func checkInjection(meta *metav1.ObjectMeta, out *Object) {
	if inject := meta.Annotations[mesh.AnnotationInject]; inject != "false" && slices.Contains(negations, strings.ToLower(inject)) {
		out.reportInvalid(mesh.AnnotationInject, `%q does not stop injection. Write "false".`, inject)
	}
	if transport, ok := meta.Annotations[mesh.AnnotationTransport]; ok && transport != "plaintext" && transport != "tls" {
		out.reportInvalid(mesh.AnnotationTransport, "%q is not a transport. The default of the ConfigMap mizzen-injection is in effect. Use plaintext or tls.", transport)
	}
	if agent, ok := meta.Annotations[mesh.AnnotationAgent]; ok && agent != mesh.AgentJava && agent != mesh.AgentNone {
		out.reportInvalid(mesh.AnnotationAgent, "%q does not select the Java agent. The pod does not get it. Use java or none.", agent)
	}
}

const (
	// javaVariable is the variable by which a JVM gets the agent.
	javaVariable = "JAVA_TOOL_OPTIONS"
	// ownAgent is the value of mizzen.dev/injected-agent of a pod whose image contains the agent.
	ownAgent = "own"
	// agentOption is the option of a JVM for the agent that is injected.
	agentOption = "-javaagent:/var/run/mizzen.dev/agent/mizzen-agent.jar"
)

// checkAgent reports the containers of a pod that should run the Java agent and that the injection policy left alone.
func checkAgent(p *corev1.Pod, out *Object) {
	skipped, ok := p.Annotations[mesh.AnnotationAgentSkipped]
	if !ok || p.DeletionTimestamp != nil {
		return
	}
	from, option := p.Annotations[mesh.AnnotationInjectedAgent], agentOption
	if from == ownAgent {
		option = "-javaagent with the path of the agent in its image"
	}
	names := strings.Split(skipped, ",")
	for i, c := range p.Spec.Containers {
		if !slices.Contains(names, c.Name) {
			continue
		}
		field, text := "env", ""
		switch {
		case from == "":
			text = "The ConfigMap mizzen-injection has no agent-image. Container %q does not run the Java agent. Set agent-image and restart the pod."
		case slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == javaVariable }):
			text = "Container %q has its own JAVA_TOOL_OPTIONS, so it does not run the Java agent. Add " + option + " to its value."
		default:
			field = "envFrom"
			text = "Container %q may get JAVA_TOOL_OPTIONS by envFrom, so it does not run the Java agent. If it does, add " + option +
				" to that value. If not, set the annotation mizzen.dev/agent: java on the pod."
		}
		out.Report(mesh.CodeNotInjected, mesh.Warning, fmt.Sprintf("spec.containers[%d].%s", i, field), fmt.Sprintf(text, c.Name))
	}
}

func convertNamespace(n *corev1.Namespace, _ string) Object {
	out := newObject(KindNamespace, &n.ObjectMeta)
	out.Key.Namespace = ""
	value := &Namespace{LoadReports: loadReports(&n.ObjectMeta, &out), Rollout: rolloutPolicy(&n.ObjectMeta, &out)}
	checkInjectLabel(n, &out)
	if n.Labels[mesh.AnnotationInject] == mesh.InjectEnabled {
		value.Injected, value.Labeled = true, labeledSince(&n.ObjectMeta, mesh.AnnotationInject)
		switch identity, ok := n.Labels[mesh.LabelIdentity]; {
		case identity == mesh.IdentitySPIFFE:
			value.Identity = labeledSince(&n.ObjectMeta, mesh.LabelIdentity)
		case ok && identity != mesh.IdentityNone:
			out.Report(mesh.CodeInvalidValue, mesh.Warning, labelField(mesh.LabelIdentity),
				fmt.Sprintf("%q is not a kind of identity. Pods of the namespace get no certificate. Use spiffe.", identity))
		}
		if agent, ok := n.Labels[mesh.AnnotationAgent]; ok && agent != mesh.AgentJava && agent != mesh.AgentNone {
			out.Report(mesh.CodeInvalidValue, mesh.Warning, "metadata.labels["+mesh.AnnotationAgent+"]",
				fmt.Sprintf("%q does not select the Java agent. Pods of the namespace do not get it. Use java or none.", agent))
		}
	} else if n.Labels[mesh.LabelIdentity] == mesh.IdentitySPIFFE {
		out.Report(mesh.CodeInvalidValue, mesh.Warning, labelField(mesh.LabelIdentity),
			"The label has no effect because the namespace does not have the label mizzen.dev/inject: enabled. Its pods get no certificate. Set that label, too.")
	}
	if n.Name == IdentityNamespace {
		value.ClusterUID = string(n.UID)
	}
	if *value != (Namespace{}) {
		out.Value = value
	}
	return out
}

// checkInjectLabel reports a value of the label for injection that the injection policy does not know.
func checkInjectLabel(n *corev1.Namespace, out *Object) {
	value, ok := n.Labels[mesh.AnnotationInject]
	if ok && value != mesh.InjectEnabled && value != "disabled" && value != "false" {
		out.Report(mesh.CodeInvalidValue, mesh.Warning, labelField(mesh.AnnotationInject),
			fmt.Sprintf("Pods of the namespace do not get the bootstrap, because the value is %q. Write %s.", value, mesh.InjectEnabled))
	}
}

// labeledSince returns when a label was set: Kubernetes notes when each client wrote last. It is the time of creation
// if that is not known.
func labeledSince(m *metav1.ObjectMeta, label string) int64 {
	since := int64(0)
	for _, e := range m.ManagedFields {
		var fields struct {
			Metadata struct {
				Labels map[string]json.RawMessage `json:"f:labels"`
			} `json:"f:metadata"`
		}
		if e.FieldsV1 == nil || e.Time == nil || json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		if _, ok := fields.Metadata.Labels["f:"+label]; ok && (since == 0 || e.Time.Unix() < since) {
			since = e.Time.Unix()
		}
	}
	if since == 0 && !m.CreationTimestamp.IsZero() {
		return m.CreationTimestamp.Unix()
	}
	return since
}

// admissionPolicy has no fields of a policy, because none is read.
type admissionPolicy struct {
	metav1.ObjectMeta `json:"metadata"`
}

func convertInjectionPolicy(p *admissionPolicy, _ string) Object {
	out := newObject(KindInjectionPolicy, &p.ObjectMeta)
	out.Key.Namespace = ""
	if p.Name == InjectionPolicyName && !p.CreationTimestamp.IsZero() {
		out.Value = &InjectionPolicy{Created: p.CreationTimestamp.Unix()}
	}
	return out
}
