// Package envoy runs the control plane with Envoy's own release binary. Each Envoy is a process with a bootstrap of `controlplane
// bootstrap --for envoy`; its listeners are files of the test, as an operator's would be. Backends are real, for HTTP/1.1, HTTP/2
// and gRPC, and count their calls.
//
// The tests have the build tag envoy, because they need the binary that setup.sh downloads: `make e2e-envoy` runs them.
//
// Reading order: envoy_test.go, mesh_test.go, scenario_test.go, golden_test.go.
package envoy
