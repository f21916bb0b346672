package serving

import (
	"slices"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

func TestBlamed(t *testing.T) {
	batch := []*snapshot.Versioned{{Name: "outbound|80||echo"}, {Name: "outbound|80||echo.demo"}, {Name: "outbound|80|v1|echo"}}
	tests := map[string]struct {
		message string
		want    []bool
	}{
		"go": {
			`error parsing "ClusterResource" response: resource "outbound|80||echo.demo": unexpected lbPolicy MAGLEV`, []bool{false, true, false},
		},
		"node, by index": {
			`xDS response validation errors: [resource index 2: Cluster message validation failed: [x]]`, []bool{false, false, true},
		},
		"c-core": {
			`xDS response validation errors: [resource index 0: outbound|80||echo: INVALID_ARGUMENT: x]`, []bool{true, false, false},
		},
		"several":                   {`"outbound|80||echo", "outbound|80|v1|echo"`, []bool{true, false, true}},
		"at the end of a sentence":  {`I do not like outbound|80||echo.`, []bool{true, false, false}},
		"none of them":              {`no`, []bool{true, true, true}},
		"nothing said":              {``, []bool{true, true, true}},
		"a longer name of no batch": {`outbound|80||echo.demo.svc`, []bool{true, true, true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := blamedOrAll(batch, test.message); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// TestUnansweredResponsesAreBounded has a client that keeps sending requests and answers no response. The number of
// remembered responses is bounded.
func TestUnansweredResponsesAreBounded(t *testing.T) {
	store := NewStore(Options{})
	store.Publish(&mesh.World{Revision: 1})
	session := store.Open(ClientInfoOf(nil, "", ""), nil)
	defer session.Close()
	sub, _ := session.subscription(snapshot.EndpointType)
	for range 5 * maxInFlight {
		sub.buildResponse(false)
	}
	if got := len(sub.inFlight); got > maxInFlight {
		t.Errorf("%d responses are remembered, want at most %d", got, maxInFlight)
	}
}
