package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	_ "google.golang.org/grpc/xds"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	// within is the time for one call. A failed one must be told before the suite gives up waiting for the command.
	within = 5 * time.Second
	// method is what is called if the URL has no path.
	method = "/proto.EchoTestService/Echo"
)

// request is what the suite wants to be sent.
type request struct {
	scheme, host, path string
	method             string // of HTTP
	headers            [][2]string
	count              int
}

func parse(url string, args []string) (r request, err error) {
	r = request{method: http.MethodGet, count: 1}
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return r, fmt.Errorf("%q is not a URL", url)
	}
	r.scheme = scheme
	r.host, r.path, _ = strings.Cut(rest, "/")
	r.path = "/" + r.path
	for i := 0; i < len(args); i++ {
		name, value, _ := strings.Cut(args[i], "=")
		switch {
		case name == "--method":
			r.method = value
		case name == "--count":
			if r.count, err = strconv.Atoi(value); err != nil {
				return r, err
			}
		case name == "-H" && i+1 < len(args):
			i++
			key, text, _ := strings.Cut(args[i], ":")
			r.headers = append(r.headers, [2]string{key, strings.TrimSpace(text)})
		default: // A test whose request is not the one that it describes must not pass.
			return r, fmt.Errorf("unknown argument %q", args[i])
		}
	}
	return r, nil
}

// call sends the requests of one command over one channel, and prints the answers with an empty line between them.
func call(ctx context.Context, url string, args []string) error {
	r, err := parse(url, args)
	if err != nil {
		return err
	}
	send := r.overHTTP
	if r.scheme == "grpc" {
		channel, err := grpc.NewClient("xds:///"+r.host, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		defer channel.Close()
		send = func(ctx context.Context) (string, error) { return r.overGRPC(ctx, channel) }
	}
	for i := range r.count {
		if i > 0 {
			fmt.Println()
		}
		one, cancel := context.WithTimeout(ctx, within)
		text, err := send(one)
		cancel()
		if err != nil {
			text = fmt.Sprintf("StatusCode=%d\nError=%v\n", httpStatus(err), err)
		}
		fmt.Print(text)
	}
	return nil
}

func (r request) overGRPC(ctx context.Context, channel *grpc.ClientConn) (string, error) {
	for _, h := range r.headers {
		ctx = metadata.AppendToOutgoingContext(ctx, h[0], h[1])
	}
	path := r.path
	if path == "/" {
		path = method
	}
	answer, headers := &wrapperspb.StringValue{}, metadata.MD{}
	if err := channel.Invoke(ctx, path, &emptypb.Empty{}, answer, grpc.Header(&headers)); err != nil {
		return "", err
	}
	return answered(http.StatusOK, answer.GetValue(), headers), nil
}

func (r request) overHTTP(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, "http://"+r.host+r.path, nil)
	if err != nil {
		return "", err
	}
	for _, h := range r.headers {
		req.Header.Add(h[0], h[1])
		if strings.EqualFold(h[0], "host") {
			req.Host = h[1]
		}
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answered(response.StatusCode, string(body), response.Header), err
}

// answered formats an answer.
func answered(status int, body string, headers map[string][]string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "StatusCode=%d\n%s", status, body)
	for name, values := range headers {
		fmt.Fprintf(&text, "ResponseHeader=%s:%s\n", name, strings.Join(values, ","))
	}
	return text.String()
}

// httpStatus returns the status of HTTP for a failed call. gRPC maps the other way around:
// https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md.
func httpStatus(err error) int {
	switch status.Code(err) {
	case codes.Unavailable, codes.Unknown: // Unknown: it is an error of HTTP.
		return http.StatusServiceUnavailable
	case codes.DeadlineExceeded:
		return http.StatusGatewayTimeout
	case codes.Unimplemented:
		return http.StatusNotFound
	case codes.PermissionDenied:
		return http.StatusForbidden
	default:
		return http.StatusInternalServerError
	}
}
