package serving

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// handleAck applies the client's answer to the oldest response in flight: nil accepts it, any status rejects it. The
// code of the status is ignored because clients differ in it. The caller holds Session.mu.
func (sub *subscription) handleAck(rejection *statuspb.Status) {
	if len(sub.inFlight) == 0 {
		return
	}
	batch := sub.inFlight[0].resources
	sub.acknowledged(sub.inFlight[0].propagations, rejection != nil)
	sub.inFlight = slices.Delete(sub.inFlight, 0, 1)
	sub.unansweredSince = time.Time{}
	if len(sub.inFlight) > 0 {
		sub.unansweredSince = sub.inFlight[0].sentAt
	}
	store := sub.session.store
	store.bumpStatusRevision()
	defer sub.session.recheckIntroductions()
	if sub.t.Narrowed() {
		defer sub.session.recheckRemovals()
	}
	if rejection == nil {
		sub.accepted()
		sub.recordAck(batch, nil, "")
		return
	}
	why := nackMessage(rejection.GetMessage())
	store.counters.refused(sub.t)
	if sub.usesUnknownPart() {
		sub.recordPartlyUsed(batch, why)
	} else {
		sub.recordAck(batch, blamedOrAll(batch, rejection.GetMessage()), why)
	}
	store.logger.Warn("client rejected resources", "type", sub.t.ShortName(), "node", sub.session.info.NodeID,
		"agent", sub.session.client.Kind.String(), "agent_version", sub.session.client.Version, "reason", why)
}

// recordAck records what the client accepted and rejected. If it rejects a response because of some resources, bad
// marks them, and it uses the others.
func (sub *subscription) recordAck(batch []*snapshot.Versioned, bad []bool, why string) {
	for i, v := range batch {
		e := sub.entry(v.Name)
		switch {
		case e == nil: // unsubscribed meanwhile
		case bad != nil && bad[i]:
			e.nack(v, why)
		default:
			e.ack(v)
		}
	}
}

// nackMessage bounds a client's message, which is kept as long as the stream is open.
func nackMessage(message string) string {
	const longest = 1000
	if len(message) > longest {
		message = message[:longest]
	}
	return strings.ToValidUTF8(strings.Clone(message), "")
}

// blamed reports for each resource of a rejected response whether the client's message blames it: by its name or by its
// index, as each language does in its own way.
func blamed(batch []*snapshot.Versioned, message string) []bool {
	bad := make([]bool, len(batch))
	for i, v := range batch {
		bad[i] = mentions(message, v.Name) || strings.Contains(message, "resource index "+strconv.Itoa(i)+":")
	}
	return bad
}

// blamedOrAll does the same. If the message blames no resource, all are blamed.
func blamedOrAll(batch []*snapshot.Versioned, message string) []bool {
	bad := blamed(batch, message)
	if !slices.Contains(bad, true) {
		for i := range bad {
			bad[i] = true
		}
	}
	return bad
}

// mentions reports whether message contains name, and not only inside a longer name.
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

// endsSentence reports whether rest begins with punctuation after a name, and not with more of the name.
func endsSentence(rest string) bool {
	return (rest[0] == ':' || rest[0] == '.') && (len(rest) == 1 || !inName(rest[1]))
}

// nackProblems returns a Problem for each object with a resource whose current version a stream rejects. It states
// how many streams reject it. What servers reject of their own is in serverProblems.
func (s *Store) nackProblems() []mesh.Problem {
	type rejection struct {
		ref    mesh.Ref
		name   string
		client string
		reason string
	}
	count := map[rejection]int{}
	for _, session := range s.allSessions() {
		client := strings.TrimSpace(session.client.Kind.String() + " " + session.client.Version)
		for _, r := range session.nacked() {
			if _, server := snapshot.ServerPort(r.Type, r.Name); server {
				continue
			}
			for _, ref := range r.Current.Objects(r.Type) {
				count[rejection{ref, r.Type.Name() + " " + r.Name, client, r.Reason}]++
			}
		}
	}
	problems := make([]mesh.Problem, 0, len(count))
	for r, n := range count {
		text := "%d clients of %s rejected %s (NACK) and keep the previous version: %s. Edit the object to retry."
		if n == 1 {
			text = "%d client of %s rejected %s (NACK) and keeps the previous version: %s. Edit the object to retry."
		}
		problems = append(problems, mesh.Problem{
			Code: mesh.CodeRefused, Severity: mesh.Error, Object: r.ref,
			Message: fmt.Sprintf(text, n, r.client, r.name, r.reason),
		})
	}
	return problems
}

// nacked returns the current resources that the client rejected. Usually there are none, and this is called often.
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
