package main

import (
	"fmt"
	"io"
)

// introduce prints what runs.
func (w *world) introduce(out io.Writer) {
	_, _ = fmt.Fprintf(out, `
Running on this machine:
  control plane   xds %s, over the folder %s
  Nacos           a real server; sc-a and sc-b are registered in it
  sc-a, sc-b      stock Spring Cloud applications (Boot 3.5, no mesh dependency), started with -javaagent
  go-sc-a         a Go application in two versions, for HTTP and for gRPC
  go-sc-b         a Go application: this program's own calls

Directions of the calls:
  sc-a -> go-sc-a      restTemplate.getForObject("http://go-sc-a/A"), by the mesh: Nacos does not know go-sc-a
  sc-a -> sc-b         the same by Nacos: the mesh does not know sc-b
  go-sc-b -> sc-a      plain HTTP to the address of sc-a's Service. The demo forwards TCP as kube-proxy does in a cluster.
                       A plain Go HTTP client does not follow xDS, so rules of the mesh do not apply to it.
  go-sc-b -> go-sc-a   gRPC to xds:///go-sc-a:50051, by the mesh: the same rules as for sc-a
  tester               the caller sends the header x-user: tester
  lane                 the request that sc-a answers has the header baggage: lane=gray; go-sc-b sends it itself
`, w.xds, w.folder())
}

// printStep prints the calls of a step.
func printStep(out io.Writer, streams []stream, answers map[string]map[string]int, r result) {
	_, _ = fmt.Fprintf(out, "      %-28s  %8s  %7s  %7s\n", "", "answered", "v1", "v2")
	for _, s := range streams {
		v1, v2 := answers[s.name]["v1"], answers[s.name]["v2"]
		n := max(v1+v2, 1)
		_, _ = fmt.Fprintf(out, "      %-28s  %8d  %5.1f %%  %5.1f %%\n", s.name, v1+v2, 100*float64(v1)/float64(n), 100*float64(v2)/float64(n))
	}
	_, _ = fmt.Fprintf(out, "      %d calls, %d failed\n", r.calls, r.failures)
	for _, fault := range r.faults {
		_, _ = fmt.Fprintf(out, "      NOT AS STATED: %s\n", fault)
	}
}
