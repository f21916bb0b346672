package fields

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Run is what came out when the clients of one version were run.
type Run struct {
	// Agent is what they call themselves, such as gRPC Go 1.48.0; empty if they could not be run.
	Agent string `json:"agent"`
	// Features says of each feature whether they have it, if they are sent the newest form of everything.
	Features map[string]bool `json:"features"`
}

// ReadRuns reads test/interop/history.json, in which the versions of each kind follow each other.
func ReadRuns(data []byte) ([]Run, error) {
	var runs []Run
	if err := json.Unmarshal(data, &runs); err != nil {
		return nil, fmt.Errorf("read what was run: %w", err)
	}
	return slices.DeleteFunc(runs, func(r Run) bool { return r.Agent == "" }), nil
}

// release is the version of the client; C-core's is that of the language around it.
func (r Run) release() mesh.Release {
	words := strings.Fields(r.Agent)
	return mesh.ReleaseOf(words[len(words)-1])
}

// seen says which versions of a kind were seen to have a feature and which not, such as "1.48 no, 1.53–1.85 yes". It is empty if none was run.
func seen(runs []Run, kind mesh.ClientKind, feature string) string {
	var parts []string
	var first, last mesh.Release
	var has, begun bool
	end := func() {
		if !begun {
			return
		}
		part := first.String()
		if last != first {
			part += "–" + last.String()
		}
		parts = append(parts, part+map[bool]string{true: " yes", false: " no"}[has])
	}
	for _, r := range runs {
		now, run := r.Features[feature]
		if mesh.ClientKindOf(r.Agent) != kind || !run {
			continue
		}
		if !begun || now != has {
			end()
			first, has, begun = r.release(), now, true
		}
		last = r.release()
	}
	end()
	return strings.Join(parts, ", ")
}
