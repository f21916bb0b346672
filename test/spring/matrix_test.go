//go:build spring

package spring

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// stack is an application and the JDKs on which it runs. Those named -starter and -aot have the starter as a dependency, and no agent.
type stack struct {
	train, jar, boot string
	// clients are the client libraries of an application, or the name of a gateway.
	clients []string
	jdks    []string
}

// stock are the applications of the matrix.
var stock = []stack{
	{"2025.1", "boot40", "4.0", []string{"RestTemplate", "RestClient", "WebClient", "Feign"}, []string{"jdk17", "jdk25"}},
	{"2025.1", "gateway40", "4.0", []string{"gateway"}, []string{"jdk25"}},
	{"2025.1", "gateway-mvc40", "4.0", []string{"gateway-mvc"}, []string{"jdk25"}},
	{"2025.0", "boot35", "3.5", []string{"RestTemplate", "RestClient", "WebClient", "Feign"}, []string{"jdk17", "jdk21"}},
	{"2025.0", "gateway35", "3.5", []string{"gateway"}, []string{"jdk17"}},
	{"2025.0", "gateway-mvc35", "3.5", []string{"gateway-mvc"}, []string{"jdk21"}},
	{"2021.0", "boot27", "2.7", []string{"RestTemplate", "WebClient", "Feign"}, []string{"jdk17", "jdk11"}},
	{"2021.0", "gateway27", "2.7", []string{"gateway"}, []string{"jdk11"}},
	{"Hoxton", "boot23", "2.3", []string{"RestTemplate", "WebClient", "Feign"}, []string{"jdk17", "jdk11"}},
	{"Hoxton", "gateway23", "2.3", []string{"gateway"}, []string{"jdk11"}},
	{"Hoxton", "zuul23", "2.3", []string{"zuul"}, []string{"jdk11"}},
	{"2025.1 starter", "boot40-starter", "4.0", []string{"RestTemplate", "RestClient", "WebClient", "Feign"}, []string{"jdk17"}},
	{"2025.0 starter", "boot35-starter", "3.5", []string{"RestTemplate", "RestClient", "WebClient", "Feign"}, []string{"jdk17"}},
	{"2025.0 starter", "boot35-aot", "3.5", []string{"RestTemplate", "RestClient", "WebClient", "Feign"}, []string{"jdk17"}},
	{"2025.0 starter", "gateway35-starter", "3.5", []string{"gateway"}, []string{"jdk17"}},
	{"2021.0 starter", "boot27-starter", "2.7", []string{"RestTemplate", "WebClient", "Feign"}, []string{"jdk17"}},
}

// sampled are the applications of the sample, each on one JDK: the oldest and the newest train, a gateway, and the starter.
var sampled = []stack{
	{"2025.1", "boot40", "4.0", []string{"RestTemplate", "RestClient", "WebClient", "Feign"}, []string{"jdk25"}},
	{"2025.0", "gateway35", "3.5", []string{"gateway"}, []string{"jdk17"}},
	{"Hoxton", "boot23", "2.3", []string{"RestTemplate", "WebClient", "Feign"}, []string{"jdk11"}},
	{"2025.0 starter", "boot35-starter", "3.5", []string{"RestTemplate", "RestClient", "WebClient", "Feign"}, []string{"jdk17"}},
}

// between are applications of the trains between those, which run with -trains only.
var between = []stack{
	{"2024.0", "boot34", "3.4", []string{"RestTemplate", "RestClient", "WebClient", "Feign"}, []string{"jdk21"}},
	{"2023.0", "boot33", "3.3", []string{"RestTemplate", "RestClient", "WebClient", "Feign"}, []string{"jdk21"}},
	{"2023.0", "gateway-mvc32", "3.2", []string{"gateway-mvc"}, []string{"jdk17"}},
	{"2022.0", "boot30", "3.0", []string{"RestTemplate", "WebClient", "Feign"}, []string{"jdk17"}},
	{"2020.0", "boot24", "2.4", []string{"RestTemplate", "WebClient", "Feign"}, []string{"jdk11"}},
}

// stacks are the applications that this run plays the scenarios with.
func stacks() []stack {
	if *sample {
		return sampled
	}
	return stock
}

// TestMatrix plays every scenario with every client of every application on every JDK that the application is for.
func TestMatrix(t *testing.T) {
	r := playStacks(t, stacks())
	if !*sample {
		r.compare(t, matrixHeading, r.matrix())
	}
}

// TestTrains does the same with the trains between those of the matrix. It is not part of CI.
func TestTrains(t *testing.T) {
	if !*trains {
		t.Skip("NOT RUN: without -trains")
	}
	r := playStacks(t, between)
	r.compare(t, trainsHeading, r.trains())
}

// playStacks plays all scenarios.
func playStacks(t *testing.T, stacks []stack) *report {
	t.Helper()
	r := &report{stacks: stacks, cells: map[string][]cell{}}
	for _, s := range stacks {
		for _, jdk := range s.jdks {
			t.Run(s.jar+"-"+jdk, func(t *testing.T) {
				part(t, jdk)
				playAll(t, r, s, jdk)
			})
		}
	}
	return r
}

// playAll plays the scenarios side by side against one application.
func playAll(t *testing.T, r *report, application stack, jdk string) {
	t.Helper()
	plane := newPlane(t)
	scenes := map[string]*service{}
	var names []string
	for _, s := range played() {
		for _, c := range application.clients {
			name := serviceName(s, c)
			scenes[name] = newService(t, plane, name, s.ports, s.pods, s.rules)
			names = append(names, name)
		}
	}
	plane.start()
	app := start(t, launch{
		jar: application.jar, jdk: jdk, args: gatewayArgs(application.jar, names),
		// All first calls come at once, right after the start of a JVM: on a busy machine that takes longer than the default.
		env: []string{"MIZZEN_WAIT=20s", "GRPC_XDS_BOOTSTRAP_CONFIG=" + plane.bootstrap("--zone", "eu/zone-1", "--labels", "app=shop-front")},
	})
	for _, c := range application.clients {
		t.Run(c, func(t *testing.T) {
			for _, s := range played() {
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					scene := &scene{t: t, service: scenes[serviceName(s, c)], app: app, client: app.client(c), train: application.train, library: c}
					scene.service.t = t
					r.playOne(t, s, scene, jdk)
				})
			}
		})
	}
}

// playOne plays a scenario, or says why it is not played.
func (r *report) playOne(t *testing.T, s *scenario, scene *scene, jdk string) {
	t.Helper()
	if why := s.why(scene.train, scene.library); why != "" {
		r.add(s, scene, jdk, why)
		return
	}
	s.play(scene)
	if !t.Failed() {
		r.add(s, scene, jdk, "")
	}
}

// played are the scenarios that the flag chooses.
func played() []*scenario {
	if *only == "" {
		return scenarios
	}
	var chosen []*scenario
	for _, s := range scenarios {
		if regexp.MustCompile(*only).MatchString(s.name) {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

func serviceName(s *scenario, client string) string { return s.name + "-" + strings.ToLower(client) }

// client returns a client of the application.
func (a *application) client(name string) client {
	if slices.Contains(gateways, name) {
		return gateway{a}
	}
	return library{a, name}
}

// gatewayArgs are the routes of a gateway: /SERVICE/** for each service.
func gatewayArgs(jar string, services []string) []string {
	prefix := map[string]string{
		"gateway40":     "spring.cloud.gateway.server.webflux.routes",
		"gateway-mvc40": "spring.cloud.gateway.server.webmvc.routes",
		"gateway35":     "spring.cloud.gateway.server.webflux.routes",
		"gateway-mvc35": "spring.cloud.gateway.server.webmvc.routes",
		"gateway-mvc32": "spring.cloud.gateway.mvc.routes",
		"gateway27":     "spring.cloud.gateway.routes",
		"gateway23":     "spring.cloud.gateway.routes",
		"zuul23":        "zuul.routes",
	}[strings.TrimSuffix(jar, "-starter")]
	if prefix == "" {
		return nil
	}
	properties := map[string]string{
		// Zuul drops cookies otherwise, and Ribbon gives up after a second.
		"zuul.sensitive-headers": "", "ribbon.ReadTimeout": "60000",
		"spring.cloud.gateway.mvc.http-client.type": "autodetect",
	}
	for i, name := range append(services, "nobody") {
		if jar == "zuul23" {
			properties[prefix+"."+name+".path"] = "/" + name + "/**"
			continue
		}
		route := fmt.Sprintf("%s[%d].", prefix, i)
		properties[route+"id"] = name
		properties[route+"uri"] = "lb://" + name
		properties[route+"predicates[0]"] = "Path=/" + name + "/**"
		properties[route+"filters[0]"] = "StripPrefix=1"
	}
	text, err := json.Marshal(properties)
	if err != nil {
		panic(err)
	}
	return []string{"--spring.application.json=" + string(text)}
}
