// Scale measures what an xDS control plane can carry: any that serves gRPC clients, not only Mizzen.
//
// It writes services into a folder or an API server, opens streams that behave as gRPC clients do, changes things, and reports when
// who was sent what, and what that cost the server.
//
//	go run ./hack/scale -exec 'bin/controlplane serve --files {files} --xds-address {address} --admin-address 127.0.0.1:0'
//
// The results go to standard output as a table, to -json as JSON, and progress goes to standard error. With -raw each repetition is played
// once more against a server that does nothing but hand out the same bytes, which it holds ready: what gRPC itself takes on this machine.
//
// Read plan.go (what there is), client.go (one stream), ledger.go (what must arrive), then the scenarios: start.go, changes.go, flood.go.
package main
