package routes

import (
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestLegacyHeaders(t *testing.T) {
	match := &routev3.RouteMatch{}
	translatetest.Parse(t, match, `headers:
- {name: a, string_match: {exact: x}}
- {name: b, string_match: {prefix: v1.}, invert_match: true}
- {name: c, string_match: {safe_regex: {regex: "a|b"}}}
- {name: d, present_match: true}`)
	before := translatetest.CompactJSON(t, match)
	got := translatetest.CompactJSON(t, &routev3.RouteMatch{Headers: legacyHeaders(match.GetHeaders())})
	want := translatetest.CompactJSON(t, translatetest.Parse(t, &routev3.RouteMatch{}, `headers:
- {name: a, exact_match: x}
- {name: b, safe_regex_match: {regex: 'v1\..*'}, invert_match: true}
- {name: c, safe_regex_match: {regex: "a|b"}}
- {name: d, present_match: true}`))
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("headers (-got +want):\n%s", diff)
	}
	if after := translatetest.CompactJSON(t, match); after != before {
		t.Errorf("the shared input was changed to %s", after)
	}
}
