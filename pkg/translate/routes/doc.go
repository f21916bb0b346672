// Package routes translates a VirtualService into RouteConfigurations: matches, destinations, retries, timeouts and
// faults.
//
// Reading order: route.go, routelist.go (a list of rules), match.go (what a rule applies to), action.go (what it
// does).
package routes
