package resolve

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

// TestSource reads ServiceEntries with names, which a DNS server knows: the first World has their addresses.
func TestSource(t *testing.T) {
	stub := newStubDNS(t, func(name string) ([]netip.Addr, uint32, dnsmessage.RCode) {
		switch name {
		case "a.example.org":
			return addressesOf(2), 1, 0
		case "b.example.org":
			return []netip.Addr{netip.MustParseAddr("10.2.0.1")}, 1, 0
		case "ledger.example.com":
			return []netip.Addr{netip.MustParseAddr("10.3.0.1"), netip.MustParseAddr("169.254.169.254")}, 1, 0
		}
		return nil, 0, dnsmessage.RCodeNameError
	})
	dir := t.TempDir()
	const objects = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: several, namespace: demo}
spec:
  hosts: [several.example.com]
  resolution: DNS
  ports: [{number: 80, name: grpc, protocol: GRPC}]
  endpoints: [{address: a.example.org, labels: {version: v1}}, {address: b.example.org, ports: {grpc: 90}}, {address: absent.example.org}, {address: 10.9.0.1}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: one, namespace: demo, annotations: {mizzen.dev/resolve: server}}
spec: {hosts: [ledger.example.com], resolution: DNS, ports: [{number: 80, name: grpc, protocol: GRPC}]}
`
	if err := os.WriteFile(filepath.Join(dir, "objects.yaml"), []byte(objects), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	worlds, ended := watch.NewWorlds(), make(chan error)
	source := files.NewSource(dir, watch.Options{Names: New(DNS{Servers: []string{stub.address}}.Lookup)})
	go func() { ended <- source.Run(ctx, worlds) }()
	var w *mesh.World
	select {
	case w = <-worlds:
	case <-time.After(time.Minute):
		t.Fatal("there is no World")
	}
	for host, want := range map[string][]string{
		"several.example.com": {"10.1.0.0", "10.1.0.1", "10.2.0.1", "10.9.0.1"}, "ledger.example.com": {"10.3.0.1"},
	} {
		set, _ := w.Endpoints.Get(host)
		var got []string
		for i := range set.Endpoints {
			got = append(got, set.Endpoints[i].Address)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got the endpoints %v, want %v", host, got, want)
		}
	}
	var problems []string
	for _, p := range w.Problems {
		if p.Code == mesh.CodeNotResolved {
			problems = append(problems, p.Object.Name+" "+p.Field+": "+p.Message)
		}
	}
	if len(problems) != 2 || !strings.Contains(problems[0], `one spec.hosts[0]: "ledger.example.com" has the address 169.254.169.254`) ||
		!strings.Contains(problems[1], `several spec.endpoints[2]: "absent.example.org" cannot be resolved`) {
		t.Errorf("got the Problems %q", problems)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
