// Package explain follows one call through the resources that its client would be sent, as that client does: a gRPC
// call, or a plain HTTP call of a client of mesh.FamilyHTTP. At each step it states what was selected, why, and which
// objects it came from.
//
// It reads the finished resources, so it explains what clients get and not what the translation intended. The
// resources do not contain the matches that no call of the client can meet. The translation keeps these as
// SkippedMatches beside the resources.
//
// Explain answers a Question in process, and Handler serves answers over HTTP.
//
// AllCalls lists all routes of a name instead of following one call, and ClusterOf shows a cluster, for the page.
//
// Reading order: explain.go, answer.go (the result), routes.go (which routes are tried), match.go (how a client
// matches), http.go and httpanswer.go (what is different for plain HTTP calls), text.go (how an answer
// is printed), table.go (all routes).
package explain
