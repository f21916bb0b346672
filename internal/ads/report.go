package ads

import (
	"context"
	"net"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	loadv3 "github.com/envoyproxy/go-control-plane/envoy/service/load_stats/v3"
	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

const (
	// maxReportBytes limits one report. One of a client that calls a thousand clusters in three zones is smaller.
	maxReportBytes = 256 << 10
	// maxReportRate is how many reports of one stream are taken in an interval on average, and reportBurst how many at once:
	// a client that was held up sends several.
	maxReportRate = 2
	reportBurst   = 5
)

// reporting implements the load reporting service. Its streams are accepted as those of the discovery service are, and
// counted apart from them: the limits of a client, and the number of streams that operators see, go on to mean clients.
type reporting struct {
	loadv3.UnimplementedLoadReportingServiceServer

	*discovery

	streams *streamCounter
	table   *load.Table
}

// StreamLoadStats takes the reports of one client. It asks once for all clusters, because clients differ in how they take
// a list of names or a second answer.
func (r *reporting) StreamLoadStats(stream loadv3.LoadReportingService_StreamLoadStatsServer) error {
	ending, _ := stream.Context().Value(endingKey{}).(*endableStream)
	if ending == nil {
		return status.Error(codes.Internal, "the stream cannot be ended") // a server without endable
	}
	v := &clientStream{streamCtx: ending.ctx, ctx: stream.Context(), cancel: ending.end, counter: r.streams}
	if err := r.accept(v); err != nil {
		return err
	}
	defer v.close()
	return r.serveReports(v, stream)
}

// endingKey is the key of the *endableStream in the context of a stream for reports.
type endingKey struct{}

// endableStream ends the receiving of a stream without another goroutine, of which each has several kilobytes. The client
// gets the status Canceled and opens another stream.
type endableStream struct {
	// ctx ends with the stream itself.
	ctx context.Context //nolint:containedctx // the parent of the stream's context
	end context.CancelFunc
}

// endable is a tap.ServerInHandle that gives streams for reports a context that the server can end.
func endable(ctx context.Context, info *tap.Info) (context.Context, error) {
	if info.FullMethodName != loadv3.LoadReportingService_StreamLoadStats_FullMethodName {
		return ctx, nil
	}
	e := &endableStream{ctx: ctx}
	ctx, e.end = context.WithCancel(ctx) //nolint:gosec // the handler calls it
	return context.WithValue(ctx, endingKey{}, e), nil
}

// serveReports serves an authenticated stream from its first message to its end.
func (r *reporting) serveReports(v *clientStream, stream loadv3.LoadReportingService_StreamLoadStatsServer) error {
	first := reportMessage{}
	if err := r.recv(&first, stream); err != nil {
		return err
	}
	v.node = first.node
	info, err := r.authorize(v)
	if err != nil {
		return err
	}
	answer := &loadv3.LoadStatsResponse{SendAllClusters: true, LoadReportingInterval: durationpb.New(r.table.Interval())}
	if err := stream.Send(answer); err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	from := info.Origin()
	reports := r.table.OpenWith(load.Client{
		Source: sourceOf(v, info), Address: hostOf(info.Peer), Bucket: info.Client.Bucket, Find: r.targets(from),
		Listed: func(cluster string) []string { return r.store.ReportedMetrics(from, cluster) },
		Rules: func(cluster string) (by load.Rules) {
			by.Cluster, by.Routes = r.store.RulesTo(&info, cluster)
			return by
		},
	})
	defer reports.Close()
	if len(first.first) > 0 {
		reports.Add(first.first)
	}
	return r.recvReports(stream, reports)
}

// recv waits for the next message, and counts one that is too large: of more than maxReportBytes, or of more than gRPC reads at all.
func (r *reporting) recv(m *reportMessage, stream loadv3.LoadReportingService_StreamLoadStatsServer) error {
	err := m.recv(stream)
	if status.Code(err) == codes.ResourceExhausted {
		r.table.IgnoreLarge()
	}
	return err
}

// recvReports adds reports until the stream ends.
func (r *reporting) recvReports(stream loadv3.LoadReportingService_StreamLoadStatsServer, to *load.Stream) error {
	limit := rate.NewLimiter(rate.Limit(maxReportRate/r.table.Interval().Seconds()), reportBurst)
	message := reportMessage{stream: to}
	for {
		if err := r.recv(&message, stream); err != nil {
			return err
		}
		if !limit.Allow() {
			r.table.IgnoreOften()
			return status.Errorf(codes.ResourceExhausted, "the client reports its load more often than %d times in %v", maxReportRate, r.table.Interval())
		}
	}
}

// sourceOf returns the workload of the client.
func sourceOf(v *clientStream, info serving.ClientInfo) load.Source {
	return load.SourceOf(v.id.Pod, info.Client.Namespace, info.Account.Name, v.id.Name() != "")
}

// hostOf returns the host of an address with a port.
func hostOf(peer string) string {
	host, _, err := net.SplitHostPort(peer)
	if err != nil {
		return peer
	}
	return host
}

// targets finds what the clusters are that the client uses, as the same client on this connection. It can report about others,
// but not falsify them.
func (r *reporting) targets(from serving.Origin) load.Target {
	return func(cluster string) (to load.Destination, subset string, ok bool) {
		if !r.store.Uses(from, cluster) {
			return load.Destination{}, "", false
		}
		d, ok := r.store.Current().DestinationOf(cluster)
		return load.Destination{Service: d.Service, Namespace: d.Namespace, Port: d.Port}, d.Subset, ok
	}
}

// reportMessage is a LoadStatsRequest as the codec reads it.
type reportMessage struct {
	// stream takes the reports while the memory of the message is there. It is nil for the first message, which is copied
	// into first, together with its node.
	stream *load.Stream
	first  []load.Report
	node   *corev3.Node
	// tooLarge is set if the message has more than maxReportBytes.
	tooLarge bool
}

// recv waits for the next message.
func (m *reportMessage) recv(stream loadv3.LoadReportingService_StreamLoadStatsServer) error {
	if err := stream.RecvMsg(m); err != nil {
		return err //nolint:wrapcheck // a status, or the end of the stream
	}
	if m.tooLarge {
		return status.Errorf(codes.ResourceExhausted, "a report has more than %d bytes", maxReportBytes)
	}
	return nil
}

// parse reads an encoded message.
func (m *reportMessage) parse(b []byte) error {
	if len(b) > maxReportBytes {
		m.tooLarge = true
		return nil
	}
	if m.stream != nil {
		return m.stream.AddEncoded(b) //nolint:wrapcheck // it names the message
	}
	var decoder load.Decoder
	if err := decoder.Decode(slices.Clone(b)); err != nil {
		return err //nolint:wrapcheck // it names the message
	}
	m.first, m.node = decoder.Reports, &corev3.Node{}
	return proto.Unmarshal(decoder.Node, m.node)
}
