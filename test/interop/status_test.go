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

// states are what a client says of the resources that it asked for, by type and name.
type states map[string]map[string]*statusv3.ClientConfig_GenericXdsConfig

// csdsClient is a client that tells its state at a port, by CSDS.
type csdsClient struct{ port int }

// states asks the client itself.
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

// acked counts the resources, and tells of one that the client did not take.
func (s states) acked() (n int, err error) {
	for kind, resources := range s {
		for name, r := range resources {
			if r.GetClientStatus() != adminv3.ClientResourceStatus_ACKED {
				return n, fmt.Errorf("the client says of %s %q that it is %s: %s", kind, name, r.GetClientStatus(), r.GetErrorState().GetDetails())
			}
			n++
		}
	}
	return n, nil
}

// encrypted counts the clusters whose calls are encrypted.
func (s states) encrypted(t *testing.T) (n int) {
	t.Helper()
	for _, r := range s["Cluster"] {
		var cluster clusterv3.Cluster
		if err := r.GetXdsConfig().UnmarshalTo(&cluster); err != nil {
			t.Fatalf("what the client says of a cluster: %v", err)
		}
		if cluster.GetTransportSocket() != nil {
			n++
		}
	}
	return n
}

// await waits until the client says that it took all that it asked for, and returns how many resources that are.
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
