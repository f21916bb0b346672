package xds

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/mizzen-mesh/mizzen/integrations/go/meshtest"
)

// TestGoldens reads what this client would be sent of every golden of the translator. It rejects nothing, and the only thing
// without which it fails calls is TLS.
func TestGoldens(t *testing.T) {
	for _, agent := range []string{UserAgent, HTTPUserAgent} {
		t.Run(agent, func(t *testing.T) { readGoldens(t, agent) })
	}
}

func readGoldens(t *testing.T, agent string) {
	files, err := filepath.Glob("../../../pkg/translate/testdata/*/*.in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]int{}
	for _, file := range files {
		text, err := exec.CommandContext(t.Context(), meshtest.Binary(t), "render", "-f", file, "--as", "demo", "-n", "demo", "--client", agent+" "+Version, "-o", "json").Output()
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var rendered struct {
			Resources []struct {
				Type, Name string
				Resource   json.RawMessage
			}
		}
		if err := json.Unmarshal(text, &rendered); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, r := range rendered.Resources {
			k := kind(slices.IndexFunc(kindTable[:], func(row kindRow) bool { return row.name == r.Type }))
			if k >= kinds {
				t.Fatalf("%s has a %s", file, r.Type)
			}
			packed := &anypb.Any{}
			if err := protojson.Unmarshal(append([]byte(`{"@type": "`+kindTable[k].url+`", `), r.Resource[1:]...), packed); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			value, err := kindTable[k].read(r.Name, packed)
			if err != nil {
				t.Errorf("%s: rejected the %s %s: %v", file, r.Type, r.Name, err)
				continue
			}
			for _, unread := range unreadOf(value) {
				t.Errorf("%s: calls that the %s %s is for would fail for %s", file, r.Type, r.Name, unread)
			}
			read[r.Type]++
		}
	}
	for _, row := range kindTable {
		if read[row.name] < 50 {
			t.Errorf("got %d of %s, want as many as there are goldens", read[row.name], row.name)
		}
	}
	t.Log(read)
}

// unreadOf is what a resource has that calls fail for.
func unreadOf(value any) (all []string) {
	switch v := value.(type) {
	case *routeTable:
		for _, h := range v.hosts {
			all = append(all, h.unread)
			for _, r := range h.routes {
				all = append(all, r.match.unread, r.unread)
			}
		}
	case *listener:
		if v.inline != nil {
			return unreadOf(v.inline)
		}
	case *clusterSettings:
		if v.unread != withTLS {
			all = append(all, v.unread)
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}
