package mesh

import "testing"

func TestFullHost(t *testing.T) {
	for host, want := range map[string]string{
		"echo": "echo.demo.svc.cluster.local", "echo.other": "echo.other.svc.cluster.local",
		"echo.other.svc": "echo.other.svc.cluster.local", "api.example.com": "api.example.com",
		"echo.other.svc.cluster.local": "echo.other.svc.cluster.local", "*": "*", "*.demo": "*.demo", "": "",
	} {
		if got := FullHost(host, "demo", "cluster.local"); got != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
	}
}
