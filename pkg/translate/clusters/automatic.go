package clusters

import (
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// encrypted makes the cluster of the endpoints that take calls only over the mesh's TLS. It has the settings of the cluster
// of all endpoints, and accepts servers of exactly these service accounts.
func encrypted(whole resource.Resource, accounts []string, in Input) resource.Resource {
	name := resource.MTLSCluster(whole.Name)
	c := proto.CloneOf(whole.Message.(*clusterv3.Cluster))
	c.Name, c.EdsClusterConfig.ServiceName = name, name
	c.TransportSocket = meshTLS(in.Family, tlsPeerOf(in).identitiesOf(accounts))
	whole.Name, whole.Message = name, c
	return whole
}

// aliases splits the trust domains that are joined by commas.
func aliases(joined string) []string {
	if joined == "" {
		return nil
	}
	return strings.Split(joined, ",")
}

// NoEncrypted makes a cluster of that kind without endpoints: it accepts no server.
func NoEncrypted(family mesh.Family, name string) *clusterv3.Cluster {
	c := Empty(family, name)
	c.EdsClusterConfig.ServiceName = resource.RefusedCluster
	c.TransportSocket = meshTLS(family, []string{"spiffe://" + resource.UnknownDomain})
	return c
}

// Empty makes a cluster without settings for clients of a family.
func Empty(family mesh.Family, name string) *clusterv3.Cluster {
	c := EdsCluster(name)
	if family == mesh.FamilyEnvoy { // It rejects the policy that gRPC clients take.
		c.LoadBalancingPolicy = nil
	}
	return c
}

// meshTLS calls servers with one of the names, with the client's certificate of the mesh. names is never empty, because
// clients would accept every name.
func meshTLS(family mesh.Family, names []string) *corev3.TransportSocket {
	if family == mesh.FamilyEnvoy {
		return envoyTLS(mesh.MeshProvider, "", names, true)
	}
	return &corev3.TransportSocket{
		Name: tlsSocket,
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: resource.ToAny(&tlsv3.UpstreamTlsContext{
			CommonTlsContext: &tlsv3.CommonTlsContext{
				TlsCertificateProviderInstance: instance(mesh.MeshProvider),
				ValidationContextType:          &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: validationBy(instance(mesh.MeshProvider), names)},
			},
		})},
	}
}
