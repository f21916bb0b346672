package bootstrap

import "testing"

func TestCheckTarget(t *testing.T) {
	for _, good := range []string{
		"127.0.0.1:15010", "mizzen:15010", "mizzen.mizzen-system.svc:15010", "[::1]:15010", "dns:mizzen:15010", "dns:///mizzen:15010",
		"dns://10.0.0.1/mizzen:15010", "dns://10.0.0.1:53/mizzen:15010", "passthrough:///mizzen:1", "ipv4:10.0.0.1:1", "ipv4:10.0.0.1:1,10.0.0.2:1",
		"ipv6:[::1]:1", "unix:///run/mizzen", "unix:mizzen", "unix-abstract:x", "xds:///mizzen",
	} {
		if err := CheckTarget(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", ":15010", "dns:///:15010", "127.0.0.1", "mizzen", "mizzen:", "mizzen:0", "mizzen:70000", "mizzen:http", "::1", "[::1]", "dns:mizzen", "dns:///mizzen", "dns://10.0.0.1:53/mizzen",
		"passthrough:///mizzen", "ipv4:10.0.0.1", "ipv4:10.0.0.1:1,10.0.0.2", "http://mizzen:15010", "https://mizzen", "grpc://mizzen:15010",
	} {
		if err := CheckTarget(bad); err == nil {
			t.Errorf("%q: got no error", bad)
		}
	}
}
