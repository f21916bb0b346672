// Program gozero is a client whose channels go-zero makes, as docs/clients/go-zero.md says.
package main

import (
	"github.com/zeromicro/go-zero/core/conf"
	"github.com/zeromicro/go-zero/core/logx"
	"github.com/zeromicro/go-zero/zrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/xds" // the resolver for xds targets

	"github.com/mizzen-mesh/mizzen/test/interop/clients/frameworks/play"
)

func main() {
	logx.Disable() // it writes to standard output
	play.Main(dial)
}

func dial(target string, creds credentials.TransportCredentials) (grpc.ClientConnInterface, error) {
	var config zrpc.RpcClientConf
	if err := conf.FillDefault(&config); err != nil {
		return nil, err
	}
	config.Target, config.Timeout = target, 60_000
	client, err := zrpc.NewClient(config, zrpc.WithDialOption(grpc.WithTransportCredentials(creds)))
	if err != nil {
		return nil, err
	}
	return client.Conn(), nil
}
