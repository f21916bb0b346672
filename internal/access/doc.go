// Package access answers who may call what, from objects alone. It finds the servers behind a Service, makes their rules
// as they are served, and decides calls with package authz. Nothing is asked of a running server.
//
// Read question.go first, then server.go and verdict.go; matrix.go, coverage.go and cases.go are built on them.
package access
