package serving

import (
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// lateAfter is how long a server may take to acknowledge what it was sent, and to ask for a Listener, before that is
// reported.
const lateAfter = 30 * time.Second

// expectServer makes the status revision change if a server leaves a response unanswered for too long: nothing else happens
// then. The caller holds Session.mu.
func (s *Session) expectServer() {
	if s.serves {
		s.expect(lateAfter)
	}
}

// expectQuestion does the same for a pod whose server should ask for its Listener.
func (s *Session) expectQuestion() {
	if !s.shouldServe() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expect(lateAfter)
}

// shouldServe reports whether the client's pod says that its servers are configured by xDS.
func (s *Session) shouldServe() bool {
	return s.client.Labels.ServesByXDS() && s.client.Kind.Family() == mesh.FamilyGRPC && s.podName() != ""
}

// expect starts the timer, unless it runs. The caller holds Session.mu.
func (s *Session) expect(after time.Duration) {
	if s.lateTimer != nil {
		return
	}
	s.lateTimer = time.AfterFunc(after, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.lateTimer == nil || s.closed {
			return
		}
		s.lateTimer = nil
		s.store.bumpStatusRevision()
		if oldest := s.unansweredSince(); !oldest.IsZero() && time.Since(oldest) < lateAfter {
			s.expect(lateAfter - time.Since(oldest)) // It has answered the response that the timer was started for.
		}
	})
}

// expectNothing ends the wait. The caller holds Session.mu.
func (s *Session) expectNothing() {
	if s.lateTimer != nil {
		s.lateTimer.Stop()
		s.lateTimer = nil
	}
}

// unansweredSince is when the oldest response of any type was sent that the client has not answered; zero if there is none.
// The caller holds Session.mu.
func (s *Session) unansweredSince() time.Time {
	var oldest time.Time
	for _, sub := range s.subs {
		if sub != nil && !sub.unansweredSince.IsZero() && (oldest.IsZero() || sub.unansweredSince.Before(oldest)) {
			oldest = sub.unansweredSince
		}
	}
	return oldest
}
