package identity

import (
	"fmt"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/structpb"
)

// mismatch returns an error if the node contradicts the proof. A field that the node does not set contradicts nothing.
func mismatch(id Identity, node *corev3.Node) error {
	if id.Proof == Unverified || id.Proof == "" {
		return nil
	}
	compare := func(what, claimed, proved string) error {
		if claimed == "" || claimed == proved {
			return nil
		}
		return fmt.Errorf("the node has %s %.100q, but the %s proves %q: remove it from the bootstrap, or correct it", what, claimed, id.Proof, proved)
	}
	metadata := node.GetMetadata().GetFields()
	if err := compare("NAMESPACE", metadata["NAMESPACE"].GetStringValue(), id.Namespace); err != nil {
		return err
	}
	if err := compare("SERVICE_ACCOUNT", metadata["SERVICE_ACCOUNT"].GetStringValue(), id.ServiceAccount); err != nil {
		return err
	}
	namespace, pod := podOfNode(node.GetId())
	if err := compare("in its id the namespace", namespace, id.Namespace); err != nil || id.Pod == nil {
		return err
	}
	if err := compare("in its id the pod", pod, id.Pod.Ref.Name); err != nil {
		return err
	}
	if err := compare("NODE_NAME", metadata["NODE_NAME"].GetStringValue(), id.Pod.Node); err != nil {
		return err
	}
	return mismatchedLabel(id, metadata["LABELS"], compare)
}

func mismatchedLabel(id Identity, claimed *structpb.Value, compare func(what, claimed, proved string) error) error {
	for key, value := range claimed.GetStructValue().GetFields() {
		proved, _ := id.Pod.Labels.Get(key)
		if err := compare("the label "+fmt.Sprintf("%.100q", key), value.GetStringValue(), proved); err != nil {
			return err
		}
	}
	return nil
}

// podOfNode reads node IDs that name a pod: sidecar~ADDRESS~POD.NAMESPACE~DOMAIN, as Istio writes them, and
// mizzen~NAMESPACE~POD. Any other ID names no pod.
func podOfNode(id string) (namespace, pod string) {
	parts := strings.Split(id, "~")
	switch {
	case len(parts) == 4 && parts[0] == "sidecar":
		if i := strings.LastIndex(parts[2], "."); i > 0 {
			return parts[2][i+1:], parts[2][:i]
		}
	case len(parts) == 3 && parts[0] == "mizzen":
		return parts[1], parts[2]
	}
	return "", ""
}
