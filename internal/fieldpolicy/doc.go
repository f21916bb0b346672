// Package fieldpolicy writes the table of fields as a ValidatingAdmissionPolicy. If an author applies a
// VirtualService, DestinationRule or Route with a field that gRPC clients do not support, the API server returns a warning.
//
// Its output is manifests/admission/policy.yaml. A test compares that file with the table.
//
// Reading order: policy.go (the document), then walk.go (the expressions).
package fieldpolicy
