package status

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mizzen-mesh/mizzen/internal/election"
	"github.com/mizzen-mesh/mizzen/internal/event"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// A replica that does not lead tells the leader what concerns its own clients: in an annotation of the Lease, which all
// replicas read anyway. It writes only if there is something to tell, and again from time to time: what is told
// expires with the replica.
const (
	peerPrefix  = "mizzen.dev/clients-of-"
	peerRenewal = 10 * time.Second
	peerExpiry  = 30 * time.Second
	// maxFindings and maxFindingText bound the annotation.
	maxFindings, maxFindingText = 30, 1000
	// maxMachines bounds it, too: all annotations of an object have 256 kB.
	maxMachines = 4000
)

// finding is what keeps clients from doing what one version of an object says; without a Reason, it is what the object does
// to clients although nothing is wrong.
type finding struct {
	Object     mesh.Ref `json:"object"`
	Generation int64    `json:"generation"`
	Reason     string   `json:"reason"`
	Lines      []string `json:"lines"`
}

// peerNote is the value of an annotation.
type peerNote struct {
	Replica  string    `json:"replica"`
	Written  time.Time `json:"written"`
	Findings []finding `json:"findings"`
	// Machines are the IDs of those with a stream to the replica.
	Machines []string `json:"machines,omitempty"`
}

// told is what replicas tell.
type told struct {
	findings []finding
	machines []string
}

func (t told) empty() bool { return len(t.findings)+len(t.machines) == 0 }

// peers is what a replica knows of the others, and what it told them. The goroutine that elects owns it.
type peers struct {
	// seen has the last value of each annotation, and when it was first seen: only the local clock is used.
	seen map[string]peerValue
	// told is what this replica told last, and when.
	told   string
	toldAt time.Time
}

type peerValue struct {
	text  string
	since time.Time
}

func peerKey(identity string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(identity)) // it cannot fail
	return fmt.Sprintf("%s%016x", peerPrefix, h.Sum64())
}

// current returns what the other replicas tell in a Lease, and drops from the Lease what has expired or is this
// replica's own. The leader calls it.
func (p *peers) current(object *unstructured.Unstructured, own string) told {
	var found told
	seen := map[string]peerValue{}
	annotations := object.GetAnnotations()
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if !strings.HasPrefix(key, peerPrefix) {
			continue
		}
		value := peerValue{annotations[key], time.Now()}
		if before, ok := p.seen[key]; ok && before.text == value.text {
			value.since = before.since
		}
		var note peerNote
		if key == own || time.Since(value.since) > peerExpiry || json.Unmarshal([]byte(value.text), &note) != nil {
			delete(annotations, key) // with the next renewal
			continue
		}
		seen[key] = value
		found.findings, found.machines = append(found.findings, note.Findings...), append(found.machines, note.Machines...)
	}
	p.seen = seen
	object.SetAnnotations(annotations)
	return found
}

// tell writes what concerns this replica's clients into the Lease that was just read. A replica that does not lead calls
// it. After a conflict the next attempt at the Lease tries again.
func (p *peers) tell(ctx context.Context, l *election.Lease, identity string, what told) error {
	if l.Object() == nil {
		return nil
	}
	key, text := peerKey(identity), ""
	note := peerNote{Replica: identity, Findings: what.findings, Machines: what.machines[:min(len(what.machines), maxMachines)]}
	if !what.empty() {
		data, err := json.Marshal(note)
		if err != nil {
			return err
		}
		text = string(data)
	}
	_, there := l.Object().GetAnnotations()[key]
	if !there && text == "" || there && text == p.told && time.Since(p.toldAt) < peerRenewal {
		return nil
	}
	next := l.Object().DeepCopy()
	annotations := next.GetAnnotations()
	delete(annotations, key)
	if text != "" {
		note.Written = time.Now().UTC()
		data, err := json.Marshal(note)
		if err != nil {
			return err
		}
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[key] = string(data)
	}
	next.SetAnnotations(annotations)
	err := l.Update(ctx, next)
	if err == nil {
		p.told, p.toldAt = text, time.Now()
	}
	return err
}

// findings returns what the replica's own clients keep from being programmed, and then the remarks.
func findings(all []report) []finding {
	var found []finding
	add := func(r report, reason mesh.Code, texts []string) {
		if len(texts) == 0 || len(found) == maxFindings {
			return
		}
		lines := make([]string, 0, maxLines)
		for _, text := range texts[:min(len(texts), maxLines)] {
			lines = append(lines, event.Clip(text, maxFindingText))
		}
		found = append(found, finding{r.rule.Ref, r.rule.Generation, string(reason), lines})
	}
	for _, r := range all {
		add(r, r.reason, r.failing)
	}
	for _, r := range all {
		add(r, "", r.remarks)
	}
	return found
}

// withPeers adds to reports what the other replicas tell about the same version of an object.
func withPeers(all []report, found []finding) {
	mesh.SortFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), slices.Compare(a.Lines, b.Lines))
	})
	for _, f := range found {
		for i := range all {
			r := &all[i]
			if r.rule.Ref != f.Object || r.rule.Generation != f.Generation {
				continue
			}
			lines := &r.failing
			switch {
			case f.Reason == "":
				lines = &r.remarks
			case len(r.failing) == 0:
				r.reason = mesh.Code(f.Reason)
			}
			for _, text := range f.Lines {
				if !slices.Contains(*lines, text) {
					*lines = append(slices.Clip(*lines), text)
				}
			}
			r.conditions[len(r.conditions)-1] = r.programmed()
		}
	}
}
