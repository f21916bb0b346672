// Package routes translates a VirtualService into RouteConfigurations: matches, destinations, retries, timeouts and
// faults. Translate is its entry point; package translate calls it.
//
// Reading order: route.go, routelist.go (a list of rules), match.go (the calls that a rule matches), action.go
// (what the rule does with them), then any file of a setting. compiled.go has what is different for rules that were
// compiled from Routes of the Gateway API.
package routes
