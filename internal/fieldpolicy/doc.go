// Package fieldpolicy writes the table of fields as a ValidatingAdmissionPolicy: who applies a VirtualService or DestinationRule with
// something that gRPC clients cannot do is told so at once, by the API server.
//
// What it writes is manifests/admission/policy.yaml. A test holds that file against the table, so it cannot say anything else.
//
// Read policy.go for the document, then walk.go for the expressions.
package fieldpolicy
