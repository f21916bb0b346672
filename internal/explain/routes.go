package explain

import (
	"fmt"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// matchRoutes tries the routes up to the one that the call takes, and returns it; nil if no route matches. It also
// adds the skipped matches between them.
func (a *Answer) matchRoutes(table tracedResource, routes []*routev3.Route, q Question) *routev3.Route {
	noun := "method"
	if q.IsHTTP() {
		noun = "path"
	}
	for i, r := range routes {
		a.addSkipped(table, i)
		taken, why := matches(r.GetMatch(), q)
		route := Route{
			Step: table.Step, Index: i, Rule: r.GetName(), Match: describe(r.GetMatch(), noun), Taken: taken, Why: why,
			From: table.from(fmt.Sprintf("virtual_hosts[0].routes[%d]", i)),
		}
		if taken {
			route.Settings = q.routeSettings(r)
			a.Routes = append(a.Routes, route)
			return r
		}
		a.Routes = append(a.Routes, route)
	}
	a.addSkipped(table, len(routes))
	return nil
}

// addSkipped adds the matches that were skipped before the route of that index.
func (a *Answer) addSkipped(table tracedResource, index int) {
	for _, o := range table.skipped {
		if o.Before == index {
			a.Routes = append(a.Routes, Route{
				Step: table.Step, Index: index, LeftOut: true, Rule: o.Rule, Why: o.Reason, From: table.locate(o.Origins),
			})
		}
	}
}
