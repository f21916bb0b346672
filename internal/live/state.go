package live

import (
	"encoding/json"
	"hash/fnv"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// The lists that may differ, as State.Changed names them.
const (
	changedHosts    = "hosts"
	changedClients  = "clients"
	changedProblems = "problems"
)

var allLists = []string{changedHosts, changedClients, changedProblems}

// State is what viewers are told at once: the counts, and which lists differ.
type State struct {
	At       time.Time `json:"at"`
	Revision uint64    `json:"revision"`
	Ready    bool      `json:"ready"`
	// StoredAt is set if the source could not be read since the start: what is served was saved at this time.
	StoredAt *time.Time `json:"storedAt,omitempty"`
	Counts   Counts     `json:"counts"`
	// Changed names the lists that may differ from those that the viewer has.
	Changed []string `json:"changed"`
}

// Counts are the numbers of things.
type Counts struct {
	Hosts     int           `json:"hosts"`
	Endpoints int           `json:"endpoints"`
	Clients   int           `json:"clients"`
	Problems  ProblemCounts `json:"problems"`
}

// ProblemCounts are the numbers of Problems by severity.
type ProblemCounts struct {
	Error   int `json:"error"`
	Warning int `json:"warning"`
	Info    int `json:"info"`
}

// Add counts a Problem.
func (c *ProblemCounts) Add(severity mesh.Severity) {
	switch severity {
	case mesh.Error:
		c.Error++
	case mesh.Warning:
		c.Warning++
	case mesh.Info:
		c.Info++
	}
}

// state is what the viewers have been told.
type state struct {
	told State
	// status is the StatusRevision that told is from. problemsOf is the one that the Problems are from, problems their hash,
	// and counted when they were looked at.
	status, problemsOf uint64
	problems           uint64
	counted            time.Time
	// looked is when changes were last looked for.
	looked time.Time
}

// next looks for changes. It returns an event if viewers have to be told.
func (s *state) next(o Options, now time.Time) (frame, bool) {
	if now.Sub(s.looked) < stateInterval-slack {
		return frame{}, false
	}
	s.looked = now
	changed := s.update(o, now)
	if len(changed) == 0 && now.Sub(s.told.At) < heartbeat-slack {
		return frame{}, false
	}
	s.told.At = now.UTC()
	return s.told.frame(changed), true
}

// whole is the event for a viewer that has nothing yet. Its browser takes the clock of the process from the time; the others are told no later for it.
func (s *state) whole(now time.Time) frame {
	told := s.told
	told.At = now.UTC()
	return told.frame(allLists)
}

func (s State) frame(changed []string) frame {
	s.Changed = changed
	data, _ := json.Marshal(s) // it contains nothing that cannot be encoded
	return frame{event: "state", data: data}
}

// update looks at what differs, and returns the names of the lists.
func (s *state) update(o Options, now time.Time) []string {
	status := o.Store.StatusRevision() // before the Snapshot: a new one changes it
	changed := []string{}
	current := o.Store.Current()
	if current == nil {
		return changed
	}
	if world := current.World(); world.Revision != s.told.Revision || !s.told.Ready {
		s.told.Ready, s.told.Revision, s.told.StoredAt = true, world.Revision, nil
		if !world.StoredAt.IsZero() {
			at := world.StoredAt.UTC()
			s.told.StoredAt = &at
		}
		s.told.Counts.Hosts, s.told.Counts.Endpoints = world.Services.Len(), world.EndpointCount()
		changed = append(changed, changedHosts)
	}
	if status != s.status {
		s.status, s.told.Counts.Clients = status, o.Store.CountStreams()
		changed = append(changed, changedClients)
	}
	if status != s.problemsOf && now.Sub(s.counted) >= problemsInterval-slack {
		s.problemsOf, s.counted = status, now
		if s.countProblems(o.Store.Problems()) {
			changed = append(changed, changedProblems)
		}
	}
	return changed
}

// countProblems reports whether the Problems differ from those that were counted last.
func (s *state) countProblems(all []mesh.Problem) bool {
	var counts ProblemCounts
	hash := fnv.New64a()
	for _, p := range all {
		counts.Add(p.Severity)
		_, _ = hash.Write([]byte(p.String() + "\n"))
	}
	same := hash.Sum64() == s.problems && counts == s.told.Counts.Problems
	s.problems, s.told.Counts.Problems = hash.Sum64(), counts
	return !same
}
