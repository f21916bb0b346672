package explain

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestAllCalls lists all routes of a name as a client gets them.
func TestAllCalls(t *testing.T) {
	s := world(t, objects)
	lines := func(client mesh.Client, to string, most int) []string {
		t.Helper()
		table, err := AllCalls(s, client, to, most)
		if err != nil {
			t.Fatal(err)
		}
		out := []string{}
		for _, r := range table.Rules {
			line := fmt.Sprintf("%d %s %s", r.Index, r.Rule, r.Match)
			for _, c := range r.Clusters {
				line += fmt.Sprintf(" → %.0f %% %s", c.Percent, c.Name)
			}
			if r.Answer != "" {
				line += " = " + r.Answer
			}
			if r.LeftOut {
				line += " left out: " + r.Why
			}
			out = append(out, line)
		}
		if table.Absent != "" {
			out = append(out, "absent: "+table.Absent)
		}
		if table.LeftOut > 0 {
			out = append(out, fmt.Sprint(table.LeftOut, " more"))
		}
		return out
	}
	client := mesh.Client{Namespace: "demo"}
	got := lines(client, "echo.demo.svc.cluster.local:80", 100)
	want := []string{
		"0 insiders  left out: it is for clients in the namespace ops",
		"0 insiders  left out: it is for clients with the labels app=shop,tier=front",
		`0 ann methods that begin with /echo.Echo/, header x-user is "ann" → 75 % outbound|80|v1|echo.demo.svc.cluster.local → 25 % outbound|80|v2|echo.demo.svc.cluster.local`,
		`1  any method, header x-user is "bob,eve" → 80 % outbound|80|v1|echo.demo.svc.cluster.local → 15 % outbound|80||echo.demo.svc.cluster.local → 5 % outbound|80|v9|echo.demo.svc.cluster.local`,
		"2  method /echo.Echo/Moved → 100 % refused = calls fail: nothing that the rule names can be called, as the Problems of its objects say",
		"3  method /echo.Echo/Gone → 100 % outbound|80|v9|echo.demo.svc.cluster.local",
		"4  method /echo.Echo/Closed → 100 % refused = the route itself ends the call, with PERMISSION_DENIED (HTTP status 403)",
		`5  methods like /echo\.Echo/S.*, not: header x-user is present → 100 % outbound|80|v2|echo.demo.svc.cluster.local`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("echo (-want +got):\n%s", diff)
	}
	if got, want := lines(client, "echo:80", 2), append(got[:2:2], fmt.Sprint(len(got)-2, " more")); !cmp.Equal(got, want) {
		t.Errorf("at most two: got %q, want %q", got, want)
	}
	want = []string{`absent: for a client in namespace demo, "nothing:80" is not a port of a visible Service or a host of a VirtualService`}
	if got := lines(client, "nothing:80", 100); !cmp.Equal(got, want) {
		t.Errorf("an unknown name: got %q, want %q", got, want)
	}
}
