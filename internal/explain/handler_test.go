package explain

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// TestQueryHoldsTheQuestion: all that the command line states about the client must reach the control plane.
func TestQueryHoldsTheQuestion(t *testing.T) {
	for _, agent := range []string{"", "gRPC Node", "gRPC Go", "unknown", "mizzen-java-agent"} {
		t.Run(agent, func(t *testing.T) { holdsTheQuestion(t, agent) })
	}
}

func holdsTheQuestion(t *testing.T, agent string) {
	t.Helper()
	q := Question{
		Pod: "demo/web-0", To: "echo:80", Call: "/echo.Echo/Say", Headers: map[string]string{"x-user": "a=b"},
		Client: mesh.Client{
			Namespace: "demo", Labels: mesh.MakeLabels(map[string]string{"app": "shop", "Tier": "Front"}), Node: "n1",
			Locality: mesh.Locality{Region: "eu", Zone: "eu-1", SubZone: "rack"}, Providers: mesh.MakeProviders("default", "system"),
			Declared: mesh.FeatureSystemRoots, Bucket: snapshot.BucketOf("client-1"),
		},
	}
	if agent != "" {
		kind, _ := mesh.ClientKindNamed(agent)
		q.Client = snapshot.WithUserAgent(q.Client, kind, "1.50.0")
		if kind == mesh.JavaAgent {
			q.Method, q.Scheme, q.RawQuery = "POST", "https", "a=b&c"
		}
	}
	values, err := url.ParseQuery(q.Query())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(q, QuestionOf(values), cmp.Comparer(func(a, b mesh.Labels) bool { return a == b })); diff != "" {
		t.Errorf("question (-asked +understood):\n%s", diff)
	}
}

// TestRepeatedHeader: clients compare all values of a header as one text, separated by commas.
func TestRepeatedHeader(t *testing.T) {
	q := QuestionOf(url.Values{"header": {"X-User=ann", "x-user=bob", "x-other=c"}})
	if diff := cmp.Diff(map[string]string{"x-user": "ann,bob", "x-other": "c"}, q.Headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// TestAsPod: the client in a pod is the one that makes such calls.
func TestAsPod(t *testing.T) {
	for call, want := range map[string]mesh.Family{"": mesh.FamilyGRPC, "GET /a": mesh.FamilyHTTP} {
		q := Question{Pod: "demo/web-0", To: "echo", Call: "/a.B/C"}
		if call != "" {
			if err := q.ParseHTTP(call); err != nil {
				t.Fatal(err)
			}
		}
		found, err := q.AsPod(func(namespace, name string, family mesh.Family) (InPod, error) {
			return InPod{Client: mesh.Client{Namespace: namespace}, Description: name + " of the " + family.String()}, nil
		})
		if err != nil || found.Description != "web-0 of the "+want.String() || q.Client.Namespace != "demo" {
			t.Errorf("%q: got %+v and %v, want one of the %s", call, found, err, want)
		}
	}
}
