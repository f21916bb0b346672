//go:build interop

package interop

import (
	"fmt"
	"net"
	"path"
	"strconv"
	"testing"
	"time"

	adminv3 "github.com/envoyproxy/go-control-plane/envoy/admin/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	statusv3 "github.com/envoyproxy/go-control-plane/envoy/service/status/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// states are the states of a client's resources, by type and name.
type states map[string]map[string]*statusv3.ClientConfig_GenericXdsConfig

// csdsClient reads the state of a client program at a port, by CSDS.
type csdsClient struct{ port int }

// states reads the states.
func (c csdsClient) states(t *testing.T) states {
	t.Helper()
	address := net.JoinHostPort("localhost", strconv.Itoa(c.port))
	channel := must(grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials())))(t)
	defer channel.Close()
	response := must(statusv3.NewClientStatusDiscoveryServiceClient(channel).
		FetchClientStatus(t.Context(), &statusv3.ClientStatusRequest{}, grpc.WaitForReady(true)))(t)
	all := states{}
	for _, config := range response.GetConfig() {
		for _, r := range config.GetGenericXdsConfigs() {
			kind := path.Ext(path.Base(r.GetTypeUrl()))[1:]
			if all[kind] == nil {
				all[kind] = map[string]*statusv3.ClientConfig_GenericXdsConfig{}
			}
			all[kind][r.GetName()] = r
		}
	}
	return all
}

// acked returns the number of accepted resources, and an error about a resource that the client has not accepted.
func (s states) acked() (n int, err error) {
	for kind, resources := range s {
		for name, r := range resources {
			if r.GetClientStatus() != adminv3.ClientResourceStatus_ACKED {
				return n, fmt.Errorf("the client reports %s %q as %s: %s", kind, name, r.GetClientStatus(), r.GetErrorState().GetDetails())
			}
			n++
		}
	}
	return n, nil
}

// encrypted returns the number of clusters with encrypted calls.
func (s states) encrypted(t *testing.T) (n int) {
	t.Helper()
	for _, r := range s["Cluster"] {
		var cluster clusterv3.Cluster
		if err := r.GetXdsConfig().UnmarshalTo(&cluster); err != nil {
			t.Fatalf("a cluster of the client: %v", err)
		}
		if cluster.GetTransportSocket() != nil {
			n++
		}
	}
	return n
}

// await waits until the client has accepted all resources that it subscribes to, and returns their number.
func (c csdsClient) await(t *testing.T) (int, error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		n, err := c.states(t).acked()
		if err == nil && n > 0 || time.Now().After(end) {
			return n, err
		}
	}
}
