// Package explain follows one call through the resources that its client would be sent, as a gRPC client does, and says at
// each step what was chosen, why, and which objects it came from.
//
// It reads the finished resources and nothing else, so that it explains what clients get and not what the translation meant.
// Read explain.go first; answer.go has what it finds out, match.go what a client does with a route, text.go what people see.
package explain
