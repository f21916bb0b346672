// Package mizzenkitex makes Kitex clients follow the mesh, for Thrift and for Kitex' gRPC:
//
//	mesh, err := xds.NewClient(xds.Options{}) // from github.com/mizzen-mesh/mizzen/integrations/go/xds
//	...
//	client, err := echo.NewClient("echo.shop:8080", client.WithXDSSuite(mizzenkitex.NewSuite(mesh)))
//
// The destination is a name of the mesh, with the port.
package mizzenkitex

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bytedance/gopkg/cloud/metainfo"
	"github.com/cloudwego/kitex/pkg/discovery"
	"github.com/cloudwego/kitex/pkg/endpoint"
	"github.com/cloudwego/kitex/pkg/kerrors"
	kitexcodes "github.com/cloudwego/kitex/pkg/remote/trans/nphttp2/codes"
	"github.com/cloudwego/kitex/pkg/remote/trans/nphttp2/metadata"
	kitexstatus "github.com/cloudwego/kitex/pkg/remote/trans/nphttp2/status"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/cloudwego/kitex/pkg/rpcinfo/remoteinfo"
	kitexxds "github.com/cloudwego/kitex/pkg/xds"
	"github.com/cloudwego/kitex/transport"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ClusterTag is the tag of the chosen instance that has the name of its cluster.
const ClusterTag = "mizzen.cluster"

// NewSuite is for client.WithXDSSuite. All clients of a process share one client of the mesh.
func NewSuite(mesh *xds.Client) kitexxds.ClientSuite {
	return kitexxds.ClientSuite{RouterMiddleware: router(mesh), Resolver: closed{}}
}

// router chooses the endpoint of each attempt, so Kitex' service discovery and load balancer have nothing to do.
func router(mesh *xds.Client) endpoint.Middleware {
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request, response any) error {
			info := rpcinfo.GetRPCInfo(ctx)
			remote := remoteinfo.AsRemoteInfo(info.To())
			if remote == nil {
				return kerrors.ErrRoute.WithCause(fmt.Errorf("the destination of the call has the type %T", info.To()))
			}
			if remote.GetInstance() != nil {
				return next(ctx, request, response) // callopt.WithHostPort names the endpoint.
			}
			once := func(ctx context.Context, to xds.Target) xds.Outcome {
				remote.SetInstance(discovery.NewInstance("tcp", to.Address, discovery.DefaultWeight, map[string]string{ClusterTag: to.Cluster}))
				return outcomeOf(next(ctx, request, response))
			}
			do := mesh.Do
			if info.Config().InteractionMode() == rpcinfo.Streaming {
				do = mesh.Open
			} else if limit := info.Config().RPCTimeout(); limit > 0 {
				// Kitex limits each attempt; all of them together must not take longer.
				limited, cancel := context.WithTimeout(ctx, limit)
				defer cancel()
				ctx = limited
			}
			return ofKitex(do(ctx, callOf(ctx, info), once))
		}
	}
}

// callOf is what routes see of a call. The path is as in gRPC; in Thrift there is no package, so it is /SERVICE/METHOD.
func callOf(ctx context.Context, info rpcinfo.RPCInfo) xds.Call {
	service := info.Invocation().ServiceName()
	header := func(name string) (string, bool) { return transient(ctx, name) }
	if info.Config().TransportProtocol()&transport.GRPC != 0 {
		if p := info.Invocation().PackageName(); p != "" {
			service = p + "." + service
		}
		header = func(name string) (string, bool) { return metadataOf(ctx, name) }
	}
	return xds.Call{Host: info.To().ServiceName(), Path: "/" + service + "/" + info.Invocation().MethodName(), Header: header}
}

// metadataOf finds a header of a gRPC call: its metadata, or else its metainfo. Binary values match nothing, as in gRPC.
func metadataOf(ctx context.Context, name string) (string, bool) {
	if strings.HasSuffix(name, "-bin") {
		return "", false
	}
	if md, ok := metadata.FromOutgoingContext(ctx); ok {
		if values := md.Get(name); len(values) > 0 {
			return strings.Join(values, ","), true
		}
	}
	return transient(ctx, name)
}

// transient finds a value of metainfo by its name in any case: one for the next hop, or else a persistent one.
func transient(ctx context.Context, name string) (found string, present bool) {
	take := func(key, value string) bool {
		if strings.EqualFold(key, name) {
			found, present = value, true
		}
		return !present
	}
	metainfo.RangeValues(ctx, take)
	if !present {
		metainfo.RangePersistentValues(ctx, take)
	}
	return found, present
}

// outcomeOf classifies an error of Kitex. After a timeout Kitex may still use the response, so such a call is not tried
// again.
func outcomeOf(err error) xds.Outcome {
	switch {
	case err == nil:
		return xds.Outcome{}
	case kerrors.IsTimeoutError(err):
		return xds.Outcome{Err: err, Code: codes.Unknown}
	case errors.Is(err, kerrors.ErrGetConnection):
		return xds.Outcome{Err: err, Unreached: true}
	}
	return xds.Outcome{Err: err, Code: codes.Code(kitexstatus.Code(err))}
}

// ofKitex makes an error of the mesh, which has a status of gRPC for Go, one of Kitex: kerrors.ErrRoute with a status of
// Kitex' gRPC. It leaves the errors of calls alone.
func ofKitex(err error) error {
	if s, ok := status.FromError(err); ok && err != nil {
		return kerrors.ErrRoute.WithCause(kitexstatus.Err(kitexcodes.Code(s.Code()), s.Message()))
	}
	return err
}

// closed is the Resolver that Kitex demands beside the router. Kitex asks it only if the router is not in use, as with a
// proxy; without rules every endpoint would be wrong.
type closed struct{}

func (closed) Target(_ context.Context, target rpcinfo.EndpointInfo) string {
	return target.ServiceName()
}

func (closed) Resolve(_ context.Context, name string) (discovery.Result, error) {
	return discovery.Result{}, fmt.Errorf("%s is a name of the mesh, which needs Kitex' router of client.WithXDSSuite: it is not in use with a proxy or a warm-up", name)
}

func (closed) Diff(key string, prev, next discovery.Result) (discovery.Change, bool) {
	return discovery.DefaultDiff(key, prev, next)
}

func (closed) Name() string { return "mizzen" }
