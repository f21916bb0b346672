// Package conformance runs the conformance suite of the Gateway API, unmodified, on real nodes against an installation by
// docs/INSTALL.md, and expects the profile MESH-GRPC to succeed. The suite is built by hack/conformance/build.sh. Its pods run
// echo instead of the suite's own program, whose client is not an xDS client. It needs what the package node needs.
//
// The report stays in bin/conformance. With -update it is also written to docs/conformance, whose README says what it means.
package conformance
