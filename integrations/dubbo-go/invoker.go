package mizzendubbo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"dubbo.apache.org/dubbo-go/v3/common"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
	"dubbo.apache.org/dubbo-go/v3/common/extension"
	"dubbo.apache.org/dubbo-go/v3/global"
	"dubbo.apache.org/dubbo-go/v3/protocol/base"
	"dubbo.apache.org/dubbo-go/v3/protocol/result"
	tri "dubbo.apache.org/dubbo-go/v3/protocol/triple/triple_protocol"
	dubbotls "dubbo.apache.org/dubbo-go/v3/tls"
	"github.com/dustin/go-humanize"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
)

// invoker makes the calls of a reference with Triple's client.
type invoker struct {
	base.BaseInvoker
	*transport
	client *tri.Client
	// path is /SERVICE/.
	path string
	// broken is why all calls fail.
	broken error
}

func newInvoker(t *transport, u *common.URL) *invoker {
	made := &invoker{BaseInvoker: *base.NewBaseInvoker(u), transport: t, path: "/" + u.Interface() + "/", broken: unsupported(u)}
	options := []tri.ClientOption{
		tri.WithGroup(u.GetParam(constant.GroupKey, "")), tri.WithVersion(u.GetParam(constant.VersionKey, "")),
		tri.WithReadMaxBytes(size(u, constant.MaxCallRecvMsgSize, constant.DefaultMaxCallRecvMsgSize)),
		tri.WithSendMaxBytes(size(u, constant.MaxCallSendMsgSize, constant.DefaultMaxCallSendMsgSize)),
	}
	if serializationOf(u) == constant.JSONSerialization {
		options = append(options, tri.WithProtoJSON())
	}
	made.client = tri.NewClient(t, "http://"+u.Location+"/"+u.Interface(), options...)
	return made
}

func serializationOf(u *common.URL) string {
	return u.GetParam(constant.SerializationKey, constant.ProtobufSerialization)
}

// unsupported is why a reference cannot follow the mesh.
func unsupported(u *common.URL) error {
	if conf, ok := attribute[*global.TLSConfig](u, constant.TLSConfigKey); ok && dubbotls.IsClientTLSValid(conf) {
		return errors.New("mizzendubbo: the reference has TLS settings, and calls of the mesh are in plaintext; remove the settings")
	}
	if conf, ok := attribute[*global.TripleConfig](u, constant.TripleConfigKey); ok && conf != nil && conf.Http3 != nil && conf.Http3.Enable {
		return errors.New("mizzendubbo: the reference asks for HTTP/3, and calls of the mesh are in HTTP/2; remove the setting")
	}
	if _, ok := u.GetAttribute(constant.ClientInfoKey); !ok {
		return errors.New("mizzendubbo: the reference has no stub of protoc-gen-go-triple 3; generate one: calls without it cannot follow the mesh")
	}
	if s := serializationOf(u); s != constant.ProtobufSerialization && s != constant.JSONSerialization {
		return fmt.Errorf("mizzendubbo: the serialization %s cannot follow the mesh; use protobuf or JSON", s)
	}
	return nil
}

func attribute[T any](u *common.URL, key string) (value T, ok bool) {
	if found, set := u.GetAttribute(key); set {
		value, ok = found.(T)
	}
	return value, ok
}

func size(u *common.URL, key string, unset int) int {
	if n, err := humanize.ParseBytes(u.GetParam(key, "")); err == nil && n > 0 {
		return int(n)
	}
	return unset
}

// Invoke makes a call by the rules of the mesh. Dubbo's filter counts it as under way, for the end of this process. It must not see
// the error: it would refuse all calls of the reference for a while if one endpoint ends.
func (i *invoker) Invoke(ctx context.Context, inv base.Invocation) result.Result {
	count, ok := extension.GetFilter(constant.GracefulShutdownConsumerFilterKey)
	if !ok {
		return i.call(ctx, inv)
	}
	out := count.Invoke(ctx, direct{i}, inv)
	err := out.Error()
	out.SetError(nil)
	out = count.OnResponse(ctx, out, i, inv)
	out.SetError(err)
	return out
}

// direct is the invoker without the filter.
type direct struct{ *invoker }

func (d direct) Invoke(ctx context.Context, inv base.Invocation) result.Result {
	return d.call(ctx, inv)
}

func (i *invoker) call(ctx context.Context, inv base.Invocation) result.Result {
	if !i.IsAvailable() {
		return &result.RPCResult{Err: base.ErrDestroyedInvoker}
	}
	if i.broken != nil {
		return &result.RPCResult{Err: i.broken}
	}
	header, err := i.headerOf(ctx, inv)
	if err != nil {
		return &result.RPCResult{Err: err}
	}
	ctx = tri.NewOutgoingContext(ctx, header)
	call := xds.Call{Host: i.GetURL().Location, Path: i.path + inv.MethodName(), Header: func(name string) (string, bool) {
		values := header[name]
		// Binary values match nothing, as in gRPC.
		return strings.Join(values, ","), len(values) > 0 && !strings.HasSuffix(name, "-bin")
	}}
	if kind, _ := inv.GetAttribute(constant.CallTypeKey); kind != constant.CallUnary {
		return i.open(context.WithValue(ctx, destination{}, call), fmt.Sprint(kind), inv)
	}
	return i.unary(ctx, call, inv)
}

// headerOf is what a call sends: the metadata of Triple, and Dubbo's attachments.
func (i *invoker) headerOf(ctx context.Context, inv base.Invocation) (http.Header, error) {
	header := http.Header{}
	for name, values := range tri.ExtractFromOutgoingContext(ctx) {
		header[strings.ToLower(name)] = slices.Clone(values)
	}
	for name, value := range inv.Attachments() {
		switch value := value.(type) {
		case string:
			header[strings.ToLower(name)] = []string{value}
		case []string:
			header[strings.ToLower(name)] = slices.Clone(value)
		default:
			return nil, fmt.Errorf("mizzendubbo: the attachment %s has the type %T; Triple sends string and []string", name, value)
		}
	}
	for _, name := range []string{constant.InterfaceKey, constant.TokenKey, constant.TimeoutKey} {
		if set := i.GetURL().GetParam(name, ""); set != "" && strings.Join(header[name], "") == "" {
			header[name] = []string{set}
		}
	}
	return header, nil
}

// unary makes a call with one response.
func (i *invoker) unary(ctx context.Context, call xds.Call, inv base.Invocation) result.Result {
	arguments := inv.ParameterRawValues()
	if len(arguments) != 2 {
		return &result.RPCResult{Err: fmt.Errorf("mizzendubbo: %s has %d values instead of a request and a reply", inv.MethodName(), len(arguments))}
	}
	if timeout, _ := call.Header(constant.TimeoutKey); timeout != "" {
		limit, err := time.ParseDuration(timeout)
		if _, own := ctx.Deadline(); err == nil && !own {
			// Dubbo limits each attempt; all of them together must not take longer.
			limited, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			ctx = limited
		}
	}
	out := &result.RPCResult{}
	out.Err = ofDubbo(i.mesh.Do(ctx, call, func(ctx context.Context, to xds.Target) xds.Outcome {
		response := tri.NewResponse(arguments[1])
		err := i.client.CallUnary(context.WithValue(ctx, destination{}, to), tri.NewRequest(arguments[0]), inv.MethodName(), response)
		tell(inv, constant.ResponseHeaderKey, response.Header())
		tell(inv, constant.ResponseTrailerKey, response.Trailer())
		return outcomeOf(err)
	}))
	if header, ok := tri.FromIncomingContext(ctx); ok {
		for name, values := range header {
			if !tri.IsReservedHeader(name) {
				out.AddAttachment(name, values)
			}
		}
	}
	return out
}

// tell gives the caller what it asked for.
func tell(inv base.Invocation, key string, got http.Header) {
	if asked, _ := inv.GetAttribute(key); asked != nil {
		if header, ok := asked.(*http.Header); ok && header != nil {
			*header = got.Clone()
		}
	}
}

// open opens a stream, whose endpoint the transport chooses.
func (i *invoker) open(ctx context.Context, kind string, inv base.Invocation) result.Result {
	out := &result.RPCResult{}
	switch arguments := inv.ParameterRawValues(); {
	case kind == constant.CallClientStream:
		out.Rest, out.Err = i.client.CallClientStream(ctx, inv.MethodName())
	case kind == constant.CallBidiStream:
		out.Rest, out.Err = i.client.CallBidiStream(ctx, inv.MethodName())
	case kind == constant.CallServerStream && len(arguments) == 1:
		out.Rest, out.Err = i.client.CallServerStream(ctx, tri.NewRequest(arguments[0]), inv.MethodName())
	default:
		out.Err = fmt.Errorf("mizzendubbo: a call of the type %q with %d values is not known", kind, len(arguments))
	}
	return out
}
