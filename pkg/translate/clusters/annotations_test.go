package clusters

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestBalancing(t *testing.T) {
	const (
		conflict = "warning Conflict metadata.annotations[mizzen.dev/lb-policy]"
		ignored  = "info Ignored metadata.annotations[mizzen.dev/lb-policy]"
		inSpec   = "info Ignored spec.trafficPolicy.loadBalancer.simple"
		hashes   = "info Approximated metadata.annotations[mizzen.dev/subset-size]"
		least    = "trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}}"
		ring     = "trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x}}}"
	)
	tests := map[string]struct {
		service    *mesh.Service
		rule       string
		annotation mesh.Balancer // of the rule
		want       string
		problems   []string
	}{
		"none":                    {translatetest.Echo(80), "{}", "", "round_robin", nil},
		"round robin":             {translatetest.Annotated(mesh.RoundRobin, 0), "{}", "", "round_robin", nil},
		"least request":           {translatetest.Annotated(mesh.LeastRequest, 0), "{}", "", "least_request round_robin", []string{ignored}},
		"by reported load":        {translatetest.Annotated(mesh.WeightedRoundRobin, 0), "{}", "", "client_side_weighted_round_robin round_robin", []string{ignored}},
		"pick first":              {translatetest.Annotated(mesh.PickFirst, 0), "{}", "", "pick_first over localities round_robin", []string{ignored}},
		"of the rule":             {translatetest.Annotated(mesh.PickFirst, 0), "{}", mesh.LeastRequest, "least_request round_robin", []string{ignored}},
		"beside places":           {translatetest.Annotated(mesh.LeastRequest, 0), "trafficPolicy: {loadBalancer: {localityLbSetting: {}}}", "", "least_request round_robin", []string{ignored}},
		"beside a spec":           {translatetest.Annotated(mesh.PickFirst, 0), least, "", "least_request round_robin", []string{inSpec, conflict}},
		"beside a hash":           {translatetest.Annotated(mesh.PickFirst, 0), ring, "", "ring_hash over localities round_robin", []string{conflict}},
		"a spec of the same rule": {translatetest.Echo(80), least, mesh.PickFirst, "least_request round_robin", []string{inSpec, conflict}},
		"a spec for a port":       {translatetest.Annotated(mesh.PickFirst, 0), "trafficPolicy: {portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: ROUND_ROBIN}}]}", "", "round_robin", nil},
		"a port without a word":   {translatetest.Annotated(mesh.LeastRequest, 0), "trafficPolicy: {loadBalancer: {simple: RANDOM}, portLevelSettings: [{port: {number: 80}}]}", "", "least_request round_robin", []string{ignored}},
		"a part on a ring":        {translatetest.Annotated("", 2), ring, "", "ring_hash over localities round_robin", []string{hashes}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := translatetest.Merged(t, test.rule)
			if test.annotation != "" {
				p.Annotations.Balancer = mesh.AnnotationValue[mesh.Balancer]{Value: test.annotation, Ref: p.Refs[0]}
			}
			var reported []mesh.Problem
			c := EdsCluster("x")
			s := policy.SettingsFor(&reported, p, nil, 80)
			s.Annotations = policy.AnnotationsFor(&reported, test.service, p)
			c.LoadBalancingPolicy = loadBalancingPolicy(s, false)
			if got := strings.Join(translatetest.Balancers(t, c), " "); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if diff := cmp.Diff(translatetest.Ledger(reported).Lines(), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
			if complaints := translatetest.Complaints(resource.Resource{Name: "x", Message: c}); len(complaints) > 0 {
				t.Errorf("clients reject the cluster: %v", complaints)
			}
		})
	}
}

// TestIgnoredBalancers checks which clients the Problems for unsupported balancers name.
func TestIgnoredBalancers(t *testing.T) {
	for _, b := range mesh.Balancers() {
		found := mesh.ClientKinds(0)
		var problems []mesh.Problem
		Translate(&problems, Input{Service: translatetest.Annotated(b, 0)})
		for _, p := range problems {
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

func TestSuccessRate(t *testing.T) {
	annotation := mesh.SuccessRate{StdevFactor: 1000, MinimumHosts: 3, RequestVolume: 20}
	tests := map[string]struct {
		rule       string
		annotation mesh.SuccessRate
		// want has the interval in seconds, max_ejection_percent, enforcing_success_rate and
		// enforcing_failure_percentage.
		want [4]uint32
	}{
		"alone":          {"{}", annotation, [4]uint32{10, 10, 100, 0}},
		"with failures":  {"trafficPolicy: {outlierDetection: {interval: 3s}}", annotation, [4]uint32{3, 10, 100, 100}},
		"failures off":   {"trafficPolicy: {outlierDetection: {interval: 3s, maxEjectionPercent: 50, consecutive5xxErrors: 0}}", annotation, [4]uint32{3, 50, 100, 0}},
		"failures alone": {"trafficPolicy: {outlierDetection: {}}", mesh.SuccessRate{}, [4]uint32{10, 10, 0, 100}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := policy.SettingsFor(new([]mesh.Problem), translatetest.Merged(t, test.rule), nil, 80)
			s.Annotations.SuccessRate.Value = test.annotation
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
			if rate != test.annotation || o.GetEnforcingSuccessRate() == nil || o.GetEnforcingFailurePercentage() == nil {
				t.Errorf("got %+v, want %+v, and both enforcing percentages set: %v", rate, test.annotation, o)
			}
		})
	}
	if o := ejection(policy.Settings{}); o != nil {
		t.Errorf("got %v without settings, want nil", o)
	}
}

// TestOriginsOfAnnotations checks the Origins of parts that are made from annotations.
func TestOriginsOfAnnotations(t *testing.T) {
	ref := translatetest.Echo().Ref
	s := translatetest.Annotated(mesh.PickFirst, 2)
	s.Annotations.SuccessRate = mesh.AnnotationValue[mesh.SuccessRate]{Value: mesh.SuccessRate{StdevFactor: 1, MinimumHosts: 1, RequestVolume: 1}, Ref: ref}
	want := []report.Origin{
		{Path: "load_balancing_policy", Ref: ref, Field: "metadata.annotations[mizzen.dev/lb-policy]"},
		{Path: "outlier_detection", Ref: ref, Field: "metadata.annotations[mizzen.dev/outlier-success-rate]"},
	}
	if diff := cmp.Diff(Translate(new([]mesh.Problem), Input{Service: s})[0].Origins, want); diff != "" {
		t.Errorf("origins (-got +want):\n%s", diff)
	}
}
