// Package istiodiff records what istiod answers to gRPC clients and servers for the inputs of goldens. It runs Istio's
// own discovery server in process, from Istio's Go module, and asks it as an injected pod does. It is a separate module, so that the
// control plane does not depend on Istio. The record is test/istiodiff/testdata/istiod.jsonl; the tests there compare it with Mizzen.
package istiodiff
