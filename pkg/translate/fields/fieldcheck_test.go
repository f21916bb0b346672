package fields

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestCheckFields(t *testing.T) {
	tests := map[string]struct {
		message proto.Message
		text    string
		want    []string
	}{
		"nothing to say": {
			message: &networking.VirtualService{},
			text:    "{hosts: [a], http: [{match: [{uri: {prefix: /a}, headers: {x: {exact: a}}}], route: [{destination: {host: a}}], timeout: 1s}]}",
		},
		"dropped, each once, and not what is inside": {
			message: &networking.VirtualService{},
			text: `http:
			- mirror: {host: a}
			  corsPolicy: {allowOrigins: [{exact: a}]}
			- match: [{uri: {prefix: /a}}, {statPrefix: a}]
			  route: [{destination: {host: a}, headers: {request: {set: {a: b}}}}]
			  retries: {attempts: 1, perTryTimeout: 1s}`,
			want: []string{
				"warning Unsupported at.http[0].corsPolicy",
				"warning Unsupported at.http[0].mirror",
				"warning Unsupported at.http[1].match[1].statPrefix",
				"warning Unsupported at.http[1].retries.perTryTimeout",
				"warning Unsupported at.http[1].route[0].headers",
			},
		},
		"left to the leaves": {
			message: &networking.VirtualService{},
			text:    "http: [{redirect: {uri: /a}, delegate: {name: a}, match: [{sourceLabels: {a: b}, queryParams: {q: {exact: a}}}]}]",
		},
		"of a policy": {
			message: &networking.DestinationRule{},
			text: `workloadSelector: {matchLabels: {a: b}}
trafficPolicy:
  loadBalancer: {consistentHash: {httpHeaderName: a}, localityLbSetting: {enabled: true}}
  portLevelSettings: [{port: {number: 80}, outlierDetection: {minHealthPercent: 1}}]
subsets: [{name: a, trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}, http: {http2MaxRequests: 1, maxRetries: 1}}}}]`,
			want: []string{
				"warning Unsupported at.subsets[0].trafficPolicy.connectionPool.http.maxRetries",
				"warning Unsupported at.subsets[0].trafficPolicy.connectionPool.tcp.maxConnections",
				"warning Unsupported at.trafficPolicy.portLevelSettings[0].outlierDetection.minHealthPercent",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var problems translatetest.Ledger
			checkFields(mesh.FamilyGRPC, problems.Field(), translatetest.Parse(t, test.message, test.text).ProtoReflect())
			if diff := cmp.Diff(translatetest.ProblemLines(mesh.SortProblems(problems)), test.want); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}
