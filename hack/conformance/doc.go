// Package conformance is the module of the Gateway API project's conformance suite, in a pinned version. build.sh builds the
// suite, unmodified, for test/e2e/conformance, and puts the definitions of the same version beside it.
//
// list_test.go lists each test of the suite that is for meshes: Mizzen passes it, or why it cannot apply to proxyless gRPC and
// which test of Mizzen has its semantics. The test of this package fails if the suite has a mesh test that the list does not have.
// It writes the list to docs/conformance/TESTS.md.
//
// It is a separate module because the suite needs packages that must not be in the product's go.mod. To take a new version of
// the suite, change go.mod and run `go mod tidy`, and then the tests with -update.
package conformance
