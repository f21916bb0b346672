package serving

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// handleAck takes the client's answer to the oldest response in flight: nil accepts it, anything else refuses it. The code of
// a refusal means nothing: clients differ in it. The caller holds Session.mu.
func (sub *subscription) handleAck(refused *statuspb.Status) {
	if len(sub.inFlight) == 0 {
		return
	}
	batch := sub.inFlight[0].resources
	acknowledged(sub.inFlight[0].propagations)
	sub.inFlight = slices.Delete(sub.inFlight, 0, 1)
	store := sub.session.store
	store.bumpStatusRevision()
	defer sub.session.acknowledgedSome()
	if refused == nil {
		sub.recordAck(batch, nil, "")
		return
	}
	why := nackMessage(refused.GetMessage())
	store.counters.refused(sub.t)
	sub.recordAck(batch, nackedResources(batch, refused.GetMessage()), why)
	store.logger.Warn("client rejected resources", "type", sub.t.ShortName(), "node", sub.session.info.NodeID,
		"agent", sub.session.client.Kind.String(), "agent_version", sub.session.client.Version, "reason", why)
}

// recordAck records what the client made of each resource. It uses the good ones of a response that it refuses for a bad one.
func (sub *subscription) recordAck(batch []*snapshot.Versioned, bad []bool, why string) {
	for i, v := range batch {
		e := sub.entry(v.Name)
		switch {
		case e == nil: // given up meanwhile
		case bad != nil && bad[i]:
			e.nack(v, why)
		default:
			e.ack(v)
		}
	}
}

// nackMessage bounds a client's message, which is kept for as long as the stream lives.
func nackMessage(message string) string {
	const longest = 1000
	if len(message) > longest {
		message = message[:longest]
	}
	return strings.ToValidUTF8(strings.Clone(message), "")
}

// nackedResources says which resources of a refused response the client's message blames: those it names, or gives the index of, as
// each language does in its own way. If it blames none, all of them are.
func nackedResources(batch []*snapshot.Versioned, message string) []bool {
	bad := make([]bool, len(batch))
	found := false
	for i, v := range batch {
		bad[i] = mentions(message, v.Name) || strings.Contains(message, "resource index "+strconv.Itoa(i)+":")
		found = found || bad[i]
	}
	if !found {
		for i := range bad {
			bad[i] = true
		}
	}
	return bad
}

// mentions says whether message has name in it, and not only as a part of a longer name.
func mentions(message, name string) bool {
	for from := 0; ; {
		i := strings.Index(message[from:], name)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(name)
		if (start == 0 || !inName(message[start-1])) && (end == len(message) || !inName(message[end]) || endsSentence(message[end:])) {
			return true
		}
		from = start + 1
	}
}

func inName(c byte) bool {
	return c == '.' || c == ':' || c == '|' || c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// endsSentence tells punctuation after a name from a name that goes on.
func endsSentence(rest string) bool {
	return (rest[0] == ':' || rest[0] == '.') && (len(rest) == 1 || !inName(rest[1]))
}

// nackProblems returns a Problem for each object of which some stream refuses what is current, with how many streams do.
func (s *Store) nackProblems() []mesh.Problem {
	type who struct {
		ref    mesh.Ref
		name   string
		agent  string
		reason string
	}
	count := map[who]int{}
	for _, session := range s.allSessions() {
		agent := strings.TrimSpace(session.client.Kind.String() + " " + session.client.Version)
		for _, r := range session.nacked() {
			for _, ref := range r.Current.Objects(r.Type) {
				count[who{ref, r.Type.Name() + " " + r.Name, agent, r.Reason}]++
			}
		}
	}
	problems := make([]mesh.Problem, 0, len(count))
	for w, n := range count {
		problems = append(problems, mesh.Problem{
			Code: mesh.CodeRefused, Severity: mesh.Error, Object: w.ref,
			Message: fmt.Sprintf("%d client(s) of %s rejected %s (NACK) and keep the previous version: %s. Edit the object to retry.", n, w.agent, w.name, w.reason),
		})
	}
	return problems
}

// nacked are the current resources that the client said no to: mostly none, and this is asked often.
func (s *Session) nacked() []SyncStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []SyncStatus
	for _, sub := range s.subs {
		if sub == nil {
			continue
		}
		for _, e := range sub.entries {
			if e.current != nil && e.rejects(e.current) {
				all = append(all, e.syncStatus())
			}
		}
	}
	return all
}
