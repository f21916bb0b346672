// Package echo is a service of Triple for the tests, in the form that protoc-gen-go-triple makes of:
//
//	service Echo {
//	  rpc Say(google.protobuf.StringValue) returns (google.protobuf.StringValue);
//	  rpc Chat(stream google.protobuf.StringValue) returns (stream google.protobuf.StringValue);
//	  rpc Count(google.protobuf.StringValue) returns (stream google.protobuf.StringValue);
//	}
package echo

import (
	"context"

	"dubbo.apache.org/dubbo-go/v3/client"
	"dubbo.apache.org/dubbo-go/v3/common"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
	tri "dubbo.apache.org/dubbo-go/v3/protocol/triple/triple_protocol"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Text is the message of all methods.
type Text = wrapperspb.StringValue

// Name is the full name of the service.
const Name = "demo.Echo"

// Client calls the service.
type Client struct{ conn *client.Connection }

// NewClient makes a client.
func NewClient(cli *client.Client, opts ...client.ReferenceOption) (*Client, error) {
	conn, err := cli.DialWithInfo(Name, &client.ClientInfo{InterfaceName: Name, MethodNames: []string{"Say", "Chat", "Count"}}, opts...)
	if err != nil {
		return nil, err
	}
	return &Client{conn}, nil
}

// Say calls the server once.
func (c *Client) Say(ctx context.Context, text *Text, opts ...client.CallOption) (*Text, error) {
	reply := &Text{}
	if err := c.conn.CallUnary(ctx, []any{text}, reply, "Say", opts...); err != nil {
		return nil, err
	}
	return reply, nil
}

// Chat opens a stream in both directions.
func (c *Client) Chat(ctx context.Context, opts ...client.CallOption) (*tri.BidiStreamForClient, error) {
	stream, err := c.conn.CallBidiStream(ctx, "Chat", opts...)
	if err != nil {
		return nil, err
	}
	return stream.(*tri.BidiStreamForClient), nil
}

// Count opens a stream of the server.
func (c *Client) Count(ctx context.Context, text *Text, opts ...client.CallOption) (*tri.ServerStreamForClient, error) {
	stream, err := c.conn.CallServerStream(ctx, text, "Count", opts...)
	if err != nil {
		return nil, err
	}
	return stream.(*tri.ServerStreamForClient), nil
}

// Server is what a server implements.
type Server interface {
	Say(ctx context.Context, text *Text) (*Text, error)
	Chat(ctx context.Context, stream *tri.BidiStream) error
	Count(ctx context.Context, text *Text, stream *tri.ServerStream) error
}

// Service describes the service to servers.
var Service = common.ServiceInfo{
	InterfaceName: Name, ServiceType: (*Server)(nil),
	Methods: []common.MethodInfo{
		{
			Name: "Say", Type: constant.CallUnary, ReqInitFunc: func() any { return &Text{} },
			MethodFunc: func(ctx context.Context, args []any, handler any) (any, error) {
				reply, err := handler.(Server).Say(ctx, args[0].(*Text))
				if err != nil {
					return nil, err
				}
				return tri.NewResponse(reply), nil
			},
		},
		{
			Name: "Chat", Type: constant.CallBidiStream, StreamInitFunc: func(base any) any { return base },
			MethodFunc: func(ctx context.Context, args []any, handler any) (any, error) {
				return nil, handler.(Server).Chat(ctx, args[0].(*tri.BidiStream))
			},
		},
		{
			Name: "Count", Type: constant.CallServerStream, ReqInitFunc: func() any { return &Text{} },
			StreamInitFunc: func(base any) any { return base },
			MethodFunc: func(ctx context.Context, args []any, handler any) (any, error) {
				return nil, handler.(Server).Count(ctx, args[0].(*Text), args[1].(*tri.ServerStream))
			},
		},
	},
}
