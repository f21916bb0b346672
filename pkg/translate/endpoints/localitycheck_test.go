package endpoints

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestCheckLocality(t *testing.T) {
	tests := map[string]struct {
		settings string
		want     []string
	}{
		"nothing said":           {"simple: ROUND_ROBIN", nil},
		"sound":                  {"localityLbSetting: {failover: [{from: eu, to: us}], failoverPriority: [v, app=a]}", nil},
		"sound shares":           {"localityLbSetting: {distribute: [{from: eu/*, to: {eu: 80, us: 20}}]}", nil},
		"turned off":             {"localityLbSetting: {enabled: false, failover: [{from: eu, to: eu}]}", nil},
		"a region for itself":    {"localityLbSetting: {failover: [{from: eu, to: eu}]}", []string{"warning InvalidValue at.localityLbSetting.failover[0]"}},
		"a zone for a region":    {"localityLbSetting: {failover: [{from: eu/a, to: us}]}", []string{"warning InvalidValue at.localityLbSetting.failover[0]"}},
		"nowhere":                {"localityLbSetting: {failover: [{from: eu}]}", []string{"warning InvalidValue at.localityLbSetting.failover[0]"}},
		"a region twice":         {"localityLbSetting: {failover: [{from: eu, to: us}, {from: eu, to: as}]}", []string{"warning InvalidValue at.localityLbSetting.failover[1]"}},
		"no label":               {"localityLbSetting: {failoverPriority: ['=a']}", []string{"warning InvalidValue at.localityLbSetting.failoverPriority[0]"}},
		"shares and failover":    {"localityLbSetting: {distribute: [{from: eu, to: {eu: 100}}], failover: [{from: eu, to: eu}]}", []string{"warning InvalidValue at.localityLbSetting"}},
		"shares of nothing":      {"localityLbSetting: {distribute: [{from: eu}]}", []string{"error InvalidValue at.localityLbSetting.distribute[0].to"}},
		"shares of 0":            {"localityLbSetting: {distribute: [{from: eu, to: {us: 0}}]}", []string{"error InvalidValue at.localityLbSetting.distribute[0].to"}},
		"shares of another sum":  {"localityLbSetting: {distribute: [{from: eu, to: {us: 4294967295, eu: 100}}]}", []string{"warning InvalidValue at.localityLbSetting.distribute[0].to"}},
		"shares from nowhere":    {"localityLbSetting: {distribute: [{to: {us: 100}}]}", []string{"warning InvalidValue at.localityLbSetting.distribute[0].from"}},
		"by zone":                {"zoneAwareLbSetting: {enabled: true}", []string{"info Approximated at.zoneAwareLbSetting"}},
		"by zone, turned off":    {"{zoneAwareLbSetting: {enabled: false}, localityLbSetting: {}}", nil},
		"by zone and locality":   {"{zoneAwareLbSetting: {}, localityLbSetting: {}}", []string{"info Approximated at.zoneAwareLbSetting", "warning InvalidValue at.localityLbSetting"}},
		"by zone and its labels": {"zoneAwareLbSetting: {failoverPriority: [topology.kubernetes.io/zone=a]}", []string{"info Approximated at.zoneAwareLbSetting", "warning InvalidValue at.zoneAwareLbSetting.failoverPriority[0]"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var l translatetest.Ledger
			CheckLocality(l.Field(), translatetest.Parse(t, &networking.LoadBalancerSettings{}, test.settings))
			if diff := cmp.Diff(l.Lines(), test.want); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}
