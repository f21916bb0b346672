// Package istiodiff compares what Mizzen and istiod make of the same objects, by what a call of a gRPC client, or to a gRPC server, would do. What istiod answers
// is recorded in testdata/istiod.jsonl by hack/istiodiff. The result is a table in docs/ISTIOD.md.
//
// Reading order: diff_test.go (both sides of every document), call_test.go (one call), describe_test.go (what each resource does to a call),
// probe_test.go (which calls are compared), server_test.go (a call to a server), rbac_test.go (the rules of its filters),
// serverprobe_test.go (which calls to servers are compared), reasons_test.go (why the sides differ).
package istiodiff
