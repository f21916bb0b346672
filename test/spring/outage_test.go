//go:build spring

package spring

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// TestOutage has the control plane away: under load, at the start of an application, and at its restart.
func TestOutage(t *testing.T) {
	plane := newPlane(t)
	services := map[string]*service{}
	clients := []string{"RestTemplate", "RestClient", "WebClient", "Feign"}
	for _, c := range clients {
		for _, name := range []string{"kept", "late"} {
			services[name+c] = newService(t, plane, serviceName(&scenario{name: name}, c), "", both, split(100, 0))
		}
	}
	plane.start()
	state := t.TempDir()
	l := launch{
		jar: "boot35", jdk: "jdk17", options: []string{"-Dmizzen.state=" + state},
		env: []string{"GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap()},
	}
	app := start(t, l)
	each := func(name string, app *application, do func(s *scene)) {
		t.Helper()
		for _, c := range clients {
			s := services[name+c]
			s.t = t
			do(&scene{t: t, service: s, app: app, client: app.client(c), library: c})
		}
	}

	// Killed under load, away, and back: no call fails, and changes are followed again.
	each("kept", app, func(s *scene) { s.version(call{URL: "/A"}, "v1") })
	var stops []func() int
	each("kept", app, func(s *scene) { stops = append(stops, s.load(call{URL: "/A"})) })
	plane.kill()
	each("kept", app, func(s *scene) { s.share(s.do(call{URL: "/A", Count: 100}), "v1", ofVersion("v1"), 1) })
	// Another control plane takes the same address.
	plane.start()
	edited := time.Now()
	each("kept", app, func(s *scene) {
		s.rules(split(0, 100))
		eventually(t, patience, func() error {
			if o := s.get(); !ofVersion("v2")(o) {
				return fmt.Errorf("%s: after the return of the control plane: got %v, want v2", s.library, o)
			}
			return nil
		})
	})
	for i, stop := range stops {
		t.Logf("%s: %d calls under load", clients[i], stop())
	}

	eventually(t, patience, func() error { return saved(state, edited) })

	// Restarted during an outage: what the file has is followed; what it does not have fails quickly, and works later.
	plane.kill()
	app.stop()
	app = start(t, l)
	each("kept", app, func(s *scene) { s.share(s.do(call{URL: "/A", Count: 20}), "v2", ofVersion("v2"), 1) })
	each("late", app, func(s *scene) {
		if o := s.get(); !failed(o) || o.Millis > 6000 {
			t.Errorf("%s: without a control plane: got %v, want a failure within 6 s", s.library, o)
		}
	})
	each("late", app, func(s *scene) {
		if o := s.get(); !failed(o) || o.Millis > 1500 {
			t.Errorf("%s: once it is known to be away: got %v, want a failure at once", s.library, o)
		}
	})
	plane.start()
	start := time.Now()
	each("late", app, func(s *scene) {
		eventually(t, patience, func() error {
			if o := s.get(); !ofVersion("v1")(o) {
				return fmt.Errorf("%s: after the start of the control plane: got %v, want v1", s.library, o)
			}
			return nil
		})
	})
	t.Logf("all services were known %v after the start of the control plane", time.Since(start))
}

// saved returns nil once a file of the folder was written after a moment, and not again since.
func saved(dir string, after time.Time) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil {
			return err
		}
		if at := info.ModTime(); at.After(after) && time.Since(at) > 500*time.Millisecond {
			return nil
		}
	}
	return fmt.Errorf("the last-good file is not written; the folder has %d files", len(files))
}
