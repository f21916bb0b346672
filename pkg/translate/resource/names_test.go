package resource

import (
	"strconv"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func TestParseName(t *testing.T) {
	type parts struct {
		port         uint32
		subset, host string
		ok           bool
	}
	tests := map[string]parts{
		ClusterName(80, "v1", "a.b"): {80, "v1", "a.b", true},
		RouteName(65535, "a.b"):      {65535, "", "a.b", true},
		"outbound|80||":              {},
		"outbound|0||a":              {},
		"outbound|080||a":            {},
		"outbound|+80||a":            {},
		"outbound|65536||a":          {},
		"outbound|http||a":           {},
		"outbound|80|a":              {},
		"outbound|80|a|b|c":          {},
		"inbound|80||a":              {},
		RefusedCluster:               {},
		"":                           {},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			var got parts
			got.port, got.subset, got.host, got.ok = ParseName(name)
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestParseDialTarget(t *testing.T) {
	const full = "echo.demo.svc.cluster.local"
	tests := map[string]DialTarget{
		"echo":                     {Host: full},
		"echo:80":                  {Host: full, Port: "80"},
		"echo:grpc":                {Host: full, Port: "grpc"},
		"echo.demo:80":             {Host: full, Port: "80"},
		"echo.demo.svc":            {Host: full},
		full:                       {Host: full},
		full + ".":                 {Host: full},
		full + ".:80":              {Host: full, Port: "80"},
		"www.example.com:443":      {Host: "www.example.com", Port: "443"},
		"a.b.c":                    {Host: "a.b.c"},
		":80":                      {Port: "80"},
		"10.96.0.1:80":             {Host: "10.96.0.1", Port: "80"},
		"[fd00::1]:80":             {Host: "fd00::1", Port: "80"},
		"[fd00::1]":                {Host: "fd00::1"},
		"":                         {},
		"echo.other.svc.other.org": {Host: "echo.other.svc.other.org"},
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			if got := ParseDialTarget(name, "demo", "cluster.local"); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestDialTargetFind(t *testing.T) {
	two := ports(80, 81)
	two.Ports[1].Name = "grpc-web"
	tests := map[string]struct {
		service *mesh.Service
		port    string
		want    uint32 // 0 if no port is found
	}{
		"only port":            {ports(80), "", 80},
		"only port named grpc": {two, "", 81},
		"which one":            {ports(80, 81), "", 0},
		"number":               {two, "80", 80},
		"name":                 {two, "grpc-web", 81},
		"unknown number":       {two, "82", 0},
		"unknown name":         {two, "http", 0},
		"number of one form":   {two, "080", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := DialTarget{Host: test.service.Host, Port: test.port}.Find(test.service, mesh.FamilyGRPC)
			if got.Number != test.want || ok != (test.want != 0) {
				t.Errorf("got %d and %t, want %d", got.Number, ok, test.want)
			}
		})
	}
}

func TestPodHost(t *testing.T) {
	const web = "web.demo.svc.cluster.local"
	tests := map[string]struct{ pod, service string }{
		"web-0.web.demo":                      {"web-0", web},
		"web-0.web.demo.svc":                  {"web-0", web},
		"web-0.web.demo.svc.cluster.local":    {"web-0", web},
		"10-0-0-1.web.demo.svc.cluster.local": {"10-0-0-1", web},
		"web.demo.svc.cluster.local":          {},
		"web.demo":                            {},
		"web.demo.svc":                        {},
		"a.web-0.web.demo.svc.cluster.local":  {},
		".web.demo":                           {},
		"":                                    {},
	}
	for host, want := range tests {
		t.Run(host, func(t *testing.T) {
			pod, service, ok := PodHost(host, "cluster.local")
			if ok != (want.pod != "") || ok && (pod != want.pod || service != want.service) {
				t.Errorf("got %q of %q, %v, want %q of %q", pod, service, ok, want.pod, want.service)
			}
		})
	}
}

// ports makes a Service with these ports.
func ports(numbers ...uint32) *mesh.Service {
	s := &mesh.Service{}
	for _, n := range numbers {
		s.Ports = append(s.Ports, mesh.Port{Name: "p" + strconv.FormatUint(uint64(n), 10), Number: n})
	}
	return s
}
