//go:build spring

package spring

import (
	"regexp"
	"testing"
)

// failures are what applications get without the agent if a service has no instance. TestUnmeshed makes sure of it.
var failures = map[string]string{
	"RestTemplate": "status 0, error .*No instances available for",
	"RestClient":   "status 0, error .*No instances available for",
	"WebClient":    "status 503",
	"Feign":        "status 503|Load balancer does not contain an instance|does not have available server",
	"gateway":      "status 503",
	"gateway-mvc":  "status 5",
	"zuul":         "status 5",
	// Without a balancer they fail as if the name had no address.
	"plain RestTemplate":            "status 0, error .*(No instances available for|nobody)",
	"plain RestTemplate of the JDK": "status 0, error .*(No instances available for|nobody|ConnectException)",
	"plain RestClient":              "status 0, error .*(No instances available for|nobody)",
	"plain WebClient":               "status 503|Failed to resolve|UnknownHost",
	"plain Feign":                   "status 503|nobody",
	"plain JDK":                     "status 0, error .*(No instances available for|ConnectException)",
	"plain JDK async":               "status 0, error .*(No instances available for|ConnectException)",
}

// fails makes sure that a call failed as Spring's does without instances.
func (s *scene) fails(o outcome) {
	s.t.Helper()
	if want := failures[s.library]; !regexp.MustCompile(want).MatchString(o.String()) {
		s.t.Errorf("got %v, want %q", o, want)
	}
}

// TestUnmeshed has applications without the agent call a name that nobody knows.
func TestUnmeshed(t *testing.T) {
	for _, s := range stacks() {
		t.Run(s.jar, func(t *testing.T) {
			app := start(t, launch{jar: s.jar, jdk: s.jdks[0], args: gatewayArgs(s.jar, nil), unmeshed: true})
			for _, c := range s.clients {
				scene := &scene{t: t, app: app, client: app.client(c), train: s.train, library: c}
				scene.fails(scene.once(call{URL: "http://nobody/A"}))
			}
		})
	}
}
