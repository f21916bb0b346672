package xds_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
)

// edge is what /api/edges has of one edge.
type edge struct {
	Source, Destination    struct{ Service, Namespace, Workload string }
	Subset                 string
	Calls, Errors, Dropped int
	InProgress             int     `json:"in_progress"`
	CallsPerSecond         float64 `json:"calls_per_second"`
}

const reporting = "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo, annotations: {mizzen.dev/load-reports: 'true'}}"

// TestReportsOfThePlane has the control plane count how calls end, as the caller counted them, for calls of RPC frameworks and of plain
// HTTP, also after the control plane was away.
func TestReportsOfThePlane(t *testing.T) {
	objects := func(port string) []string {
		return []string{
			reporting, meshtest.Service("echo", port, v1, v2), meshtest.Subsets("echo", "v1", "v2") + "\n  trafficPolicy: {connectionPool: {http: {http2MaxRequests: 2}}}",
			meshtest.Routes("echo", "{match: [{headers: {x-user: {exact: ann}}}], "+meshtest.To("echo", "v2")+"}", meshtest.To("echo", "v1")),
		}
	}
	failed := errors.New("failed")
	for name, test := range map[string]struct {
		port string
		// client returns how to call, and what it does meanwhile.
		client func(t *testing.T, p *meshtest.Plane) func(user string, fails bool, meanwhile func()) error
	}{
		"rpc": {"grpc", func(t *testing.T, p *meshtest.Plane) func(string, bool, func()) error {
			c := newClient(t, p)
			return func(user string, fails bool, meanwhile func()) error {
				return c.Do(t.Context(), xds.Call{Host: "echo:8080", Path: "/a/b", Header: func(name string) (string, bool) { return user, name == "x-user" }},
					func(context.Context, xds.Target) xds.Outcome {
						meanwhile()
						if fails {
							return xds.Outcome{Err: failed, Code: codes.Internal}
						}
						return xds.Outcome{}
					})
			}
		}},
		"http": {"http", func(t *testing.T, p *meshtest.Plane) func(string, bool, func()) error {
			c := newHTTPClient(t, p)
			return func(user string, fails bool, meanwhile func()) error {
				reply, err := c.Exchange(t.Context(), xds.Call{
					Host: "echo:8080", Path: "/", HTTP: &xds.HTTP{Method: "POST", Scheme: "http", Authority: "echo:8080"},
					Header: func(name string) (string, bool) { return user, name == "x-user" },
				}, func(context.Context, xds.Attempt) xds.Outcome {
					meanwhile()
					if fails {
						return xds.Outcome{Status: 500}
					}
					return xds.Outcome{Status: 200}
				})
				if err == nil {
					reply.Done()
				}
				return err
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := meshtest.Start(t, objects(test.port)...)
			call := test.client(t, p)
			calls := func() {
				for i := range 300 {
					user := ""
					if i%2 == 0 {
						user = "ann"
					}
					if err := call(user, i%3 == 0, func() {}); err != nil && !errors.Is(err, failed) {
						t.Fatal(err)
					}
				}
			}
			counted := func(times int) {
				t.Helper()
				meshtest.Eventually(t, func() error {
					var edges []edge
					p.Inspect("edges", &edges)
					found := map[string]edge{}
					for _, e := range edges {
						found[e.Subset] = e
					}
					for _, subset := range []string{"v1", "v2"} {
						if e := found[subset]; e.Calls != 150*times || e.Errors != 50*times || e.Destination.Service != "echo" || e.Source.Namespace != "demo" {
							return fmt.Errorf("got %+v for %s, want %d calls and %d errors", e, subset, 150*times, 50*times)
						}
					}
					return nil
				})
			}
			calls()
			counted(1)
			calls()
			counted(2)

			// Two calls are under way, and the third one is not admitted.
			dropped := call("", false, func() {
				if err := call("", false, func() {
					if err := call("", false, func() {}); err == nil {
						t.Error("three calls at once are admitted, want two")
					}
					meshtest.Eventually(t, func() error {
						var edges []edge
						p.Inspect("edges", &edges)
						for _, e := range edges {
							if e.Subset == "v1" && e.InProgress == 2 && e.Dropped == 1 {
								return nil
							}
						}
						return fmt.Errorf("got %+v, want two calls under way and one that was dropped", edges)
					})
				}); err != nil {
					t.Error(err)
				}
			})
			if dropped != nil {
				t.Error(dropped)
			}

			p.Kill()
			p.Run()
			meshtest.Eventually(t, func() error {
				var clients []meshtest.Client
				if p.Inspect("clients", &clients); len(clients) == 0 {
					return errors.New("the client did not come back")
				}
				return nil
			})
			meshtest.Eventually(t, func() error {
				if err := call("", false, func() {}); err != nil {
					return err
				}
				var edges []edge
				p.Inspect("edges", &edges)
				for _, e := range edges {
					if e.Subset == "v1" && e.Calls > 0 {
						return nil
					}
				}
				return errors.New("nothing is reported after the control plane was away")
			})
		})
	}
}
