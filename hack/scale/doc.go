// Scale measures the load that an xDS control plane can carry: any that serves gRPC clients, not only Mizzen.
//
// It writes services into a folder or an API server, opens streams that behave as gRPC clients do, makes changes, and
// reports when each stream received what, and what that cost the server. With -policies the streams behave as gRPC
// servers do, and the changes are edits of AuthorizationPolicies.
//
//	go run ./hack/scale -exec 'bin/controlplane serve --files {files} --xds-address {address} --admin-address 127.0.0.1:0'
//
// The results go to standard output as a table, and to -json as JSON. Progress goes to standard error. With -raw each
// repetition runs again against a server that only sends the same bytes, encoded in advance: that is the cost of gRPC
// itself on this machine.
//
// Reading order: plan.go, objects.go, policies.go (the objects and subscriptions), client.go (one stream), edit.go and
// ledger.go (what changes and must arrive), then the scenarios: start.go, changes.go, flood.go.
package main
