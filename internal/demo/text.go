package demo

import (
	"context"
	"strings"
	"time"
)

func (s *scenario) printIntroduction() {
	s.screen.writef("Mizzen: a control plane, four gRPC backends in two versions, and a gRPC client at %d requests a second.\n", rate)
	s.screen.writef("  control plane   xds %s   admin %s", s.addresses.XDS, s.addresses.Admin)
	s.screen.writef("  objects         %s", s.folder)
	s.screen.writef("  client          %s", Target)
	s.screen.writef("  page            http://%s/ui/", s.addresses.Admin)
}

// summarize prints a summary of all steps, and reports whether all were as stated.
func (s *scenario) summarize() bool {
	s.screen.writef("\nSummary")
	asStated, requests, failed := true, 0, 0
	for _, r := range s.results {
		verdict, reached := "as stated", "-"
		if len(r.faults) > 0 {
			verdict, asStated = "NOT AS STATED", false
		}
		if r.reached > 0 {
			reached = millis(r.reached)
		}
		s.screen.writef("  [%d/%d]   reached the client after %8s   %s   %s", r.number, len(steps), reached, line(r.count), verdict)
		requests += r.count.total
		failed += len(r.count.failures)
	}
	s.screen.writef("  %d requests in these steps, %d failed.", requests, failed)
	s.screen.writef("  Changes are timed from the renaming of the edited file, or its removal, to the moment the client's xDS resolver")
	s.screen.writef("  had handed the new configuration to its channel: every later call follows it.")
	return asStated
}

func (s *scenario) printHints() {
	s.screen.writef("\nAll of it stays up; end it with Ctrl-C. Meanwhile:")
	s.screen.writef("  edit      %s/%s", s.folder, virtualServiceFile)
	s.screen.writef("  look      http://%s/ui/ in a browser", s.addresses.Admin)
	s.screen.writef("            controlplane inspect clients --address %s", s.addresses.Admin)
	s.screen.writef("  calls     controlplane inspect edges --watch --address %s", s.addresses.Admin)
	s.screen.writef("  connect   export GRPC_XDS_BOOTSTRAP_CONFIG=\"$(controlplane bootstrap --namespace demo --server-uri %s)\"", s.addresses.XDS)
	s.screen.writef("            and dial %s, or xds:///greeter, for the service grpc.testing.TestService", Target)
}

// watchUntilDone shows the live table until ctx ends. It starts a new count with each change that the client receives.
func (s *scenario) watchUntilDone(ctx context.Context) {
	s.client.updates.drain()
	s.tally.restart()
	start := time.Now()
	ticker := time.NewTicker(s.screen.period())
	defer ticker.Stop()
	for {
		select {
		case <-s.client.updates:
			// One change may cause several updates. Only the first one ends a count that is worth printing.
			if c := s.tally.restart(); c.total+len(c.failures) > rate/10 {
				s.screen.writef("\n      the client received a change; before it %s", strings.TrimSpace(line(c)))
			}
			start = time.Now()
		case <-ticker.C:
			s.screen.live(time.Since(start), s.tally.count(), s.stopped)
		case <-ctx.Done():
			return
		}
	}
}
