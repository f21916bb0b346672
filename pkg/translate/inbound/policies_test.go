package inbound

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	security "istio.io/api/security/v1"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// policies reads the AuthorizationPolicies of a YAML file.
func policies(t *testing.T, data []byte) []*mesh.AuthorizationPolicy {
	t.Helper()
	var all []*mesh.AuthorizationPolicy
	for document := range bytes.SplitSeq(data, []byte("\n---\n")) {
		var object struct {
			Metadata struct {
				Name, Namespace string
				Annotations     map[string]string
			}
			Spec json.RawMessage
		}
		if err := yaml.Unmarshal(document, &object); err != nil {
			t.Fatal(err)
		}
		policy := &mesh.AuthorizationPolicy{
			Ref:    mesh.Ref{Kind: "AuthorizationPolicy", Namespace: object.Metadata.Namespace, Name: object.Metadata.Name},
			Spec:   &security.AuthorizationPolicy{},
			DryRun: object.Metadata.Annotations[mesh.AnnotationDryRun] == "true", LogCalls: object.Metadata.Annotations[mesh.AnnotationLogCalls] == "true",
		}
		if len(object.Spec) > 0 {
			if err := policy.Spec.UnmarshalJSON(object.Spec); err != nil {
				t.Fatalf("%s: %v", policy.Ref, err)
			}
			var fields any
			if err := json.Unmarshal(object.Spec, &fields); err != nil {
				t.Fatal(err)
			}
			policy.UnknownFields = slices.Sorted(slices.Values(unknown("spec", fields, policy.Spec.ProtoReflect().Descriptor())))
		}
		all = append(all, policy)
	}
	slices.SortFunc(all, func(a, b *mesh.AuthorizationPolicy) int { return a.Ref.Compare(b.Ref) })
	return all
}

// unknown returns the paths of fields that a message does not have, and of lists that are empty.
func unknown(path string, value any, message protoreflect.MessageDescriptor) (paths []string) {
	fields, ok := value.(map[string]any)
	if !ok || message == nil {
		return nil
	}
	for name, v := range fields {
		at := path + "." + name
		field := message.Fields().ByJSONName(name)
		if field == nil {
			paths = append(paths, at)
			continue
		}
		list, isList := v.([]any)
		if isList && len(list) == 0 && at != "spec.rules" {
			paths = append(paths, at)
		}
		for i, element := range list {
			paths = append(paths, unknown(fmt.Sprintf("%s[%d]", at, i), element, field.Message())...)
		}
		if !isList && !field.IsMap() {
			paths = append(paths, unknown(at, v, field.Message())...)
		}
	}
	return paths
}
