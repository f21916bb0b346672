package translate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// wishing is the Service echo with the balancer and the part that an annotation of its own asks for.
func wishing(b mesh.Balancer, n uint32) *mesh.Service {
	s := echo(80)
	s.Annotations.Balancer = mesh.AnnotationValue[mesh.Balancer]{Value: b, Ref: s.Ref}
	s.Annotations.SubsetSize = mesh.AnnotationValue[uint32]{Value: n, Ref: s.Ref}
	return s
}

func TestBalancing(t *testing.T) {
	const (
		conflict = "warning Conflict metadata.annotations[mizzen.dev/lb-policy]"
		ignored  = "info Ignored metadata.annotations[mizzen.dev/lb-policy]"
		unheard  = "info Ignored spec.trafficPolicy.loadBalancer.simple"
		hashes   = "info Approximated metadata.annotations[mizzen.dev/subset-size]"
		least    = "trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}}"
		ring     = "trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x}}}"
	)
	tests := map[string]struct {
		service  *mesh.Service
		rule     string
		wish     mesh.Balancer // of the rule
		want     string
		problems []string
	}{
		"none":                    {echo(80), "{}", "", "round_robin", nil},
		"round robin":             {wishing(mesh.RoundRobin, 0), "{}", "", "round_robin", nil},
		"least request":           {wishing(mesh.LeastRequest, 0), "{}", "", "least_request round_robin", []string{ignored}},
		"by reported load":        {wishing(mesh.WeightedRoundRobin, 0), "{}", "", "client_side_weighted_round_robin round_robin", []string{ignored}},
		"pick first":              {wishing(mesh.PickFirst, 0), "{}", "", "pick_first over localities round_robin", []string{ignored}},
		"of the rule":             {wishing(mesh.PickFirst, 0), "{}", mesh.LeastRequest, "least_request round_robin", []string{ignored}},
		"beside places":           {wishing(mesh.LeastRequest, 0), "trafficPolicy: {loadBalancer: {localityLbSetting: {}}}", "", "least_request round_robin", []string{ignored}},
		"beside a spec":           {wishing(mesh.PickFirst, 0), least, "", "least_request round_robin", []string{unheard, conflict}},
		"beside a hash":           {wishing(mesh.PickFirst, 0), ring, "", "ring_hash over localities round_robin", []string{conflict}},
		"a spec of the same rule": {echo(80), least, mesh.PickFirst, "least_request round_robin", []string{unheard, conflict}},
		"a spec for a port":       {wishing(mesh.PickFirst, 0), "trafficPolicy: {portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: ROUND_ROBIN}}]}", "", "round_robin", nil},
		"a port without a word":   {wishing(mesh.LeastRequest, 0), "trafficPolicy: {loadBalancer: {simple: RANDOM}, portLevelSettings: [{port: {number: 80}}]}", "", "least_request round_robin", []string{ignored}},
		"a part on a ring":        {wishing("", 2), ring, "", "ring_hash over localities round_robin", []string{hashes}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := merged(t, test.rule)
			if test.wish != "" {
				p.Annotations.Balancer = mesh.AnnotationValue[mesh.Balancer]{Value: test.wish, Ref: p.Refs[0]}
			}
			var reported []mesh.Problem
			c := edsCluster("x")
			s := settingsFor(&reported, p, nil, 80)
			s.annotations = annotationsFor(&reported, test.service, p)
			c.LoadBalancingPolicy = loadBalancingPolicy(s)
			if got := strings.Join(balancers(t, c), " "); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if diff := cmp.Diff(ledger(reported).lines(), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
			if complaints := lint(Resource{Name: "x", Message: c}); len(complaints) > 0 {
				t.Errorf("got %v", complaints)
			}
		})
	}
}

// TestIgnoredBalancers names the clients that pass over a balancer.
func TestIgnoredBalancers(t *testing.T) {
	for _, b := range mesh.Balancers() {
		found := mesh.ClientKinds(0)
		for _, p := range Host(HostInput{service: wishing(b, 0)}).Problems {
			found |= p.ClientKinds
		}
		want := mesh.ClientKinds(0)
		switch b {
		case mesh.PickFirst, mesh.WeightedRoundRobin:
			want = mesh.MakeClientKinds(mesh.GRPCNode, mesh.GRPCRust)
		case mesh.LeastRequest:
			want = mesh.MakeClientKinds(mesh.GRPCCore, mesh.GRPCNode)
		case mesh.RoundRobin:
		}
		if found != want {
			t.Errorf("%s: got Problems about %s, want %s", b, found, want)
		}
	}
}

// TestBlameOfAnnotations names the object to blame for endpoints that a client refuses.
func TestBlameOfAnnotations(t *testing.T) {
	rule := merged(t, "{}")
	rule.Annotations.SubsetSize = mesh.AnnotationValue[uint32]{Value: 1, Ref: rule.Refs[0]}
	tests := map[string]struct {
		in   EndpointInput
		want []mesh.Ref
	}{
		"nobody's wish":  {EndpointInput{service: echo(80), destinationRule: merged(t, "{}")}, []mesh.Ref{echo(80).Ref}},
		"the Service's":  {EndpointInput{service: wishing("", 1)}, []mesh.Ref{echo(80).Ref}},
		"a rule's":       {EndpointInput{service: echo(80), destinationRule: rule}, []mesh.Ref{rule.Refs[0], echo(80).Ref}},
		"that of a rule": {EndpointInput{service: wishing("", 1), destinationRule: rule}, []mesh.Ref{rule.Refs[0], echo(80).Ref}},
	}
	for name, test := range tests {
		if diff := cmp.Diff(Endpoints(test.in).Endpoints[0].Refs, test.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

func TestSuccessRate(t *testing.T) {
	wish := mesh.SuccessRate{StdevFactor: 1000, MinimumHosts: 3, RequestVolume: 20}
	tests := map[string]struct {
		rule string
		wish mesh.SuccessRate
		// interval, percent, and what of successes and failures is enforced
		want [4]uint32
	}{
		"alone":          {"{}", wish, [4]uint32{10, 10, 100, 0}},
		"with failures":  {"trafficPolicy: {outlierDetection: {interval: 3s}}", wish, [4]uint32{3, 10, 100, 100}},
		"failures off":   {"trafficPolicy: {outlierDetection: {interval: 3s, maxEjectionPercent: 50, consecutive5xxErrors: 0}}", wish, [4]uint32{3, 50, 100, 0}},
		"failures alone": {"trafficPolicy: {outlierDetection: {}}", mesh.SuccessRate{}, [4]uint32{10, 10, 0, 100}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := settingsFor(new([]mesh.Problem), merged(t, test.rule), nil, 80)
			s.annotations.SuccessRate.Value = test.wish
			o := ejection(s)
			got := [4]uint32{
				uint32(o.GetInterval().AsDuration().Seconds()), o.GetMaxEjectionPercent().GetValue(),
				o.GetEnforcingSuccessRate().GetValue(), o.GetEnforcingFailurePercentage().GetValue(),
			}
			if got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			rate := mesh.SuccessRate{
				StdevFactor: o.GetSuccessRateStdevFactor().GetValue(), MinimumHosts: o.GetSuccessRateMinimumHosts().GetValue(),
				RequestVolume: o.GetSuccessRateRequestVolume().GetValue(),
			}
			if rate != test.wish || o.GetEnforcingSuccessRate() == nil || o.GetEnforcingFailurePercentage() == nil {
				t.Errorf("got %+v, want %+v, and in full what is enforced", rate, test.wish)
			}
		})
	}
	if o := ejection(settings{}); o != nil {
		t.Errorf("got %v where nothing is asked for, want nothing", o)
	}
}

// TestOriginsOfAnnotations says of what annotations make that they do.
func TestOriginsOfAnnotations(t *testing.T) {
	ref := echo().Ref
	s := wishing(mesh.PickFirst, 2)
	s.Annotations.SuccessRate = mesh.AnnotationValue[mesh.SuccessRate]{Value: mesh.SuccessRate{StdevFactor: 1, MinimumHosts: 1, RequestVolume: 1}, Ref: ref}
	set := &mesh.EndpointSet{Host: s.Host, Endpoints: numbered(1)}
	for name, test := range map[string]struct{ got, want []Origin }{
		"cluster": {Host(HostInput{service: s}).Clusters[0].Origins, []Origin{
			{"load_balancing_policy", ref, "metadata.annotations[mizzen.dev/lb-policy]"},
			{"outlier_detection", ref, "metadata.annotations[mizzen.dev/outlier-success-rate]"},
		}},
		"endpoints": {Endpoints(EndpointInput{service: s, endpoints: set}).Endpoints[0].Origins, []Origin{
			{"endpoints[0]", ref, "metadata.annotations[mizzen.dev/subset-size]"},
		}},
	} {
		if diff := cmp.Diff(test.got, test.want); diff != "" {
			t.Errorf("%s: parts (-got +want):\n%s", name, diff)
		}
	}
}
