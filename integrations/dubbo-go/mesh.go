// Package mizzendubbo makes consumers of dubbo-go follow the mesh, by the protocol Triple:
//
//	mesh, err := xds.NewClient(xds.Options{}) // from github.com/mizzen-mesh/mizzen/integrations/go/xds
//	...
//	cli, err := client.NewClient()
//	...
//	greeter, err := greet.NewGreetService(cli, mizzendubbo.WithMesh(mesh, "greeter.shop:50051"))
//
// The destination is a name of the mesh, with the port.
package mizzendubbo

import (
	"fmt"
	"math"
	"net"
	"net/url"
	"slices"
	"strings"

	"dubbo.apache.org/dubbo-go/v3/client"
	clusterpkg "dubbo.apache.org/dubbo-go/v3/cluster/cluster"
	"dubbo.apache.org/dubbo-go/v3/cluster/directory"
	"dubbo.apache.org/dubbo-go/v3/cluster/router"
	"dubbo.apache.org/dubbo-go/v3/common"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
	"dubbo.apache.org/dubbo-go/v3/common/extension"
	_ "dubbo.apache.org/dubbo-go/v3/filter/graceful_shutdown" // a default filter of every reference
	"dubbo.apache.org/dubbo-go/v3/protocol/base"
	"dubbo.apache.org/dubbo-go/v3/protocol/invocation"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
)

const (
	// name is of the cluster and the router, and begins the name of protocols.
	name = "mizzen"
	// hostKey is the parameter of a reference's URL that has the name of the mesh.
	hostKey = "mizzen.host"
	// nowhere is the address in that URL. If an option after WithMesh sets another protocol, its calls fail instead of leaving the mesh.
	nowhere = "mesh.invalid"
)

// WithMesh has a reference follow the mesh. It chooses the endpoint of each attempt and repeats calls as rules say, so Dubbo's
// registries, clusters, routers and load balancers have no effect on this reference; its filters see each call once. It replaces
// the URL and the protocol. All references of a process share one client of the mesh.
func WithMesh(mesh *xds.Client, host string) client.ReferenceOption {
	protocol := protocolOf(mesh)
	return func(o *client.ReferenceOptions) {
		// Dubbo shares the settings with the references that the client makes later.
		o.Reference = o.Reference.Clone()
		o.Reference.Protocol = protocol
		o.Reference.URL = protocol + "://" + nowhere + "?" + hostKey + "=" + url.QueryEscape(url.QueryEscape(host))
	}
}

// protocolOf is the name of the protocol whose references follow this mesh. Dubbo finds protocols by name alone.
func protocolOf(mesh *xds.Client) string {
	own := fmt.Sprintf("%s-%p", name, mesh)
	if !slices.Contains(extension.GetAllProtocolNames(), own) {
		p := &referrer{BaseProtocol: base.NewBaseProtocol(), transport: newTransport(mesh)}
		extension.SetProtocol(own, func() base.Protocol { return p })
		extension.SetCluster(name, func() clusterpkg.Cluster { return cluster{} })
		extension.SetRouterFactory(name, func() router.PriorityRouterFactory { return routers{} })
	}
	return own
}

// referrer is the protocol, and makes the one invoker of a reference.
type referrer struct {
	base.BaseProtocol
	*transport
}

// Refer changes what Dubbo would do around the invoker: repeat calls by its own rules, and refuse all calls of the reference for a
// while if one endpoint ends.
func (p *referrer) Refer(u *common.URL) base.Invoker {
	u = u.Clone()
	u.Location = u.GetParam(hostKey, "")
	u.Ip, u.Port, _ = net.SplitHostPort(u.Location)
	u.SetParam(constant.ClusterKey, name)
	var filters []string
	for f := range strings.SplitSeq(u.GetParam(constant.ReferenceFilterKey, ""), ",") {
		if strings.TrimSpace(f) != constant.GracefulShutdownConsumerFilterKey {
			filters = append(filters, f)
		}
	}
	u.SetParam(constant.ReferenceFilterKey, strings.Join(filters, ","))
	made := newInvoker(p.transport, u)
	p.SetInvokers(made)
	return made
}

// cluster calls the invoker: it repeats nothing.
type cluster struct{}

func (cluster) Join(d directory.Directory) base.Invoker {
	return clusterpkg.BuildInterceptorChain(d.List(&invocation.RPCInvocation{})[0])
}

// routers makes the router of references of the mesh. It is the last one, and brings back what others removed.
type routers struct{}

func (routers) NewPriorityRouter(u *common.URL) (router.PriorityRouter, error) {
	if u.GetParam(hostKey, "") == "" {
		return nil, nil
	}
	return &keeper{url: u}, nil
}

type keeper struct {
	url      *common.URL
	invokers []base.Invoker
}

func (k *keeper) Route([]base.Invoker, *common.URL, base.Invocation) []base.Invoker {
	return k.invokers
}

func (k *keeper) URL() *common.URL          { return k.url }
func (k *keeper) Priority() int64           { return math.MaxInt64 }
func (k *keeper) Notify(all []base.Invoker) { k.invokers = all }
