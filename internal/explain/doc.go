// Package explain follows one call through the resources that its client would be sent, as a gRPC client does, and says at
// each step what was chosen, why, and which objects it came from.
//
// It reads the finished resources, so that it explains what clients get and not what the translation meant. Only what is not in
// them, for no call of the client can match it, it takes from the notes that the translation left beside them.
// Read explain.go first; answer.go has what it finds out, routes.go goes through the routes, match.go what a client does with a route, text.go what people see.
package explain
