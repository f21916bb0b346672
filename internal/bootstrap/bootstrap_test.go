package bootstrap_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/xds"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// full sets every option.
var full = bootstrap.Options{
	ServerURI:      "mizzen.mizzen-system.svc:15010",
	NodeID:         "checkout-7f9c",
	Hostname:       "ignored",
	Namespace:      "shop",
	Labels:         map[string]string{"version": "v2", "app": "checkout"},
	ServiceAccount: "checkout",
	NodeName:       "node-1",
	ClusterID:      "east",
	Locality:       mesh.Locality{Region: "eu", Zone: "eu-1", SubZone: "rack-4"},
	Certificates: map[string]bootstrap.Certificates{
		"system":  {Roots: "/etc/ssl/certs/ca-certificates.crt", Refresh: time.Hour},
		"default": {Certificate: "/certs/tls.crt", Key: "/certs/tls.key", Roots: "/certs/ca.crt"},
	},
	SystemRoots: true,
	SNI:         true,
}

// proving is a client that proves its identity, and so does not state it.
var proving = bootstrap.Options{
	ServerURI: "mizzen.mizzen-system.svc:15012",
	Hostname:  "laptop",
	Connection: bootstrap.Connection{
		TLS: true, Authorities: "/mizzen/ca.crt", Certificate: "/mizzen/tls.crt", Key: "/mizzen/tls.key", Token: "/mizzen/token",
	},
}

func TestJSONMatchesGoldens(t *testing.T) {
	for name, options := range map[string]bootstrap.Options{
		"defaults": {Hostname: "laptop"},
		"server":   {Hostname: "laptop", Server: true},
		"fallback": {Hostname: "laptop", ServerURI: "a:1", Fallbacks: []string{"b:1", "c:1"}},
		"full":     full,
		"proving":  proving,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := bootstrap.JSON(options)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile("testdata/" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("bootstrap (-want +got):\n%s", diff)
			}
		})
	}
}

// TestServersAskForTheirListener: a bootstrap has the template with a certificate, not with authorities alone.
func TestServersAskForTheirListener(t *testing.T) {
	for name, test := range map[string]struct {
		options bootstrap.Options
		want    string
	}{
		"a client":         {bootstrap.Options{}, ""},
		"authorities only": {bootstrap.Options{Certificates: map[string]bootstrap.Certificates{"system": {Roots: "a"}}}, ""},
		"a certificate": {
			bootstrap.Options{Certificates: map[string]bootstrap.Certificates{"default": {Certificate: "a", Key: "b", Roots: "c"}}},
			"grpc/server?xds.resource.listening_address=%s",
		},
		"a server in plaintext": {bootstrap.Options{Server: true}, "grpc/server?xds.resource.listening_address=%s"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := bootstrap.JSON(test.options)
			if err != nil {
				t.Fatal(err)
			}
			var document map[string]any
			if err := json.Unmarshal(text, &document); err != nil {
				t.Fatal(err)
			}
			if got, _ := document["server_listener_resource_name_template"].(string); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestJSONIsAcceptedByGRPC(t *testing.T) {
	for name, options := range map[string]bootstrap.Options{
		"defaults": {}, "full": full, "proving": proving, "server": {Server: true},
		"encrypted": {Connection: bootstrap.Connection{TLS: true}},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := bootstrap.JSON(options)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := xds.NewXDSResolverWithConfigForTesting(text); err != nil {
				t.Errorf("gRPC rejects the bootstrap: %v", err)
			}
		})
	}
}

func TestJSONRejectsIncompleteLocalities(t *testing.T) {
	for name, locality := range map[string]mesh.Locality{
		"zone without region":  {Zone: "eu-1"},
		"sub-zone without any": {Region: "eu", SubZone: "rack-4"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := bootstrap.JSON(bootstrap.Options{Locality: locality}); err == nil {
				t.Error("got no error")
			}
		})
	}
}

func TestJSONRejectsInvalidCertificates(t *testing.T) {
	for name, certificates := range map[string]map[string]bootstrap.Certificates{
		"no name":                {"": {Roots: "a"}},
		"a comma":                {"a,b": {Roots: "a"}},
		"no authorities":         {"a": {Certificate: "a", Key: "b"}},
		"no key":                 {"a": {Certificate: "a", Roots: "b"}},
		"no certificate":         {"a": {Key: "a", Roots: "b"}},
		"refreshed all the time": {"a": {Roots: "b", Refresh: time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := bootstrap.JSON(bootstrap.Options{Certificates: certificates}); err == nil {
				t.Error("got no error")
			}
		})
	}
}

func TestJSONRejectsInvalidConnections(t *testing.T) {
	for name, connection := range map[string]bootstrap.Connection{
		"a token in plaintext":        {Token: "a"},
		"authorities in plaintext":    {Authorities: "a"},
		"a certificate in plaintext":  {Certificate: "a", Key: "b"},
		"a certificate without a key": {TLS: true, Certificate: "a"},
		"a key without a certificate": {TLS: true, Key: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := bootstrap.JSON(bootstrap.Options{Connection: connection}); err == nil {
				t.Error("got no error")
			}
		})
	}
}

func TestNamespaceBesideAProof(t *testing.T) {
	said := proving
	said.Namespace = "shop"
	text, err := bootstrap.JSON(said)
	if err != nil || !strings.Contains(string(text), `"NAMESPACE": "shop"`) || !strings.Contains(string(text), `"mizzen~shop~laptop"`) {
		t.Errorf("got %s (%v), want the namespace in metadata and id", text, err)
	}
}

func ExampleJSON() {
	text, err := bootstrap.JSON(bootstrap.Options{
		Namespace: "shop",
		Hostname:  "laptop",
		Labels:    map[string]string{"app": "checkout"},
		Locality:  mesh.Locality{Region: "eu", Zone: "eu-1"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(text))
	// Output:
	// {
	//   "xds_servers": [
	//     {
	//       "server_uri": "127.0.0.1:15010",
	//       "channel_creds": [
	//         {
	//           "type": "insecure"
	//         }
	//       ],
	//       "server_features": [
	//         "xds_v3"
	//       ]
	//     }
	//   ],
	//   "node": {
	//     "id": "mizzen~shop~laptop",
	//     "cluster": "checkout.shop",
	//     "locality": {
	//       "region": "eu",
	//       "zone": "eu-1"
	//     },
	//     "metadata": {
	//       "NAMESPACE": "shop",
	//       "LABELS": {
	//         "app": "checkout"
	//       }
	//     }
	//   }
	// }
}
