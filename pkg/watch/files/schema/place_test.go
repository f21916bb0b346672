package schema

import (
	"reflect"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

func TestPlace(t *testing.T) {
	tests := map[string]struct {
		kind       object.Kind
		path, name string
		want       string
		ok         bool
	}{
		"beside spec":            {object.KindVirtualService, "", "hosts", "spec", true},
		"beside the metadata":    {object.KindVirtualService, "", "labels", "metadata", true},
		"ports beside spec":      {object.KindService, "", "ports", "spec", true},
		"below metadata":         {object.KindVirtualService, "metadata", "spec", "", true},
		"below a list's item":    {object.KindVirtualService, "spec.http[0].route[0]", "timeout", "spec.http[0]", true},
		"above a list":           {object.KindVirtualService, "spec", "route", "spec.http", true},
		"above a mapping":        {object.KindVirtualService, "spec.http[0].route[0]", "host", "spec.http[0].route[0].destination", true},
		"too deep":               {object.KindDestinationRule, "spec.trafficPolicy.loadBalancer", "outlierDetection", "spec.trafficPolicy", true},
		"below the subset":       {object.KindDestinationRule, "spec.subsets[0]", "loadBalancer", "spec.subsets[0].trafficPolicy", true},
		"beside its list":        {object.KindVirtualService, "spec.http[0]", "destination", "spec.http[0].route", true},
		"in the other part":      {object.KindVirtualService, "metadata", "hosts", "spec", true},
		"ports in the metadata":  {object.KindService, "metadata", "ports", "spec", true},
		"nowhere":                {object.KindVirtualService, "spec", "wieght", "", false},
		"below a key with a dot": {object.KindVirtualService, "spec.http[0].match[0].headers.a.b", "nothing", "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := Schemas{}.Of(reflect.TypeOf(test.kind.Row().New()))
			if got, ok := Place(root, test.path, test.name); got != test.want || ok != test.ok {
				t.Errorf("got %q, %t, want %q, %t", got, ok, test.want, test.ok)
			}
		})
	}
}
