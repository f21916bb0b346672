// Package bootstrap writes the JSON from which a gRPC library learns where its control plane is and who it is itself:
// the content of GRPC_XDS_BOOTSTRAP_CONFIG, or of the file that GRPC_XDS_BOOTSTRAP names.
//
// It is pure: the same Options give the same bytes. What it writes is accepted by every gRPC language, which is less than
// what each alone would take: the locality is always there because Node demands it. Plaintext is the only kind of credentials that
// all of them know; which know the others is said in docs/OPERATING.md.
//
// Certificate providers stand in two places: where the library reads them, and in the node's metadata, where the control plane
// does. Writing them together is what keeps the two the same.
package bootstrap
