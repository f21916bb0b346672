package ads

import (
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	loadv3 "github.com/envoyproxy/go-control-plane/envoy/service/load_stats/v3"
	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
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
	v, err := r.accept(stream.Context(), r.streams)
	if err != nil {
		return err
	}
	defer v.close()
	first := reportMessage{keep: true}
	if err := first.recv(stream); err != nil {
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
	reports := r.table.Open(sourceOf(v, info), info.Client.Bucket, r.targets(info))
	received := make(chan error, 1)
	r.receivers.Go(func() {
		defer reports.Close()
		received <- r.recvReports(stream, reports, first.decoder.Reports)
	})
	select {
	case err := <-received:
		return err
	case <-v.ctx.Done():
		return r.closeReason(v)
	}
}

// recvReports adds reports until the stream ends.
func (r *reporting) recvReports(stream loadv3.LoadReportingService_StreamLoadStatsServer, to *load.Stream, first []load.Report) (err error) {
	defer recoverPanic(r.logger, &err)
	if len(first) > 0 {
		to.Add(first)
	}
	limit := rate.NewLimiter(rate.Limit(maxReportRate/r.table.Interval().Seconds()), reportBurst)
	message := reportMessage{stream: to}
	for {
		if err := message.recv(stream); err != nil {
			return err
		}
		if !limit.Allow() {
			return status.Errorf(codes.ResourceExhausted, "the client reports its load more often than %d times in %v", maxReportRate, r.table.Interval())
		}
	}
}

// sourceOf returns the workload of the client.
func sourceOf(v *clientStream, info serving.ClientInfo) load.Source {
	return load.SourceOf(v.id.Pod, info.Client.Namespace, info.Account.Name, v.id.Name() != "")
}

// targets finds what the clusters are that the client uses. A client can report about others, but not falsify them.
func (r *reporting) targets(info serving.ClientInfo) load.Target {
	return func(cluster string) (to load.Destination, subset string, ok bool) {
		if !r.store.Uses(info.Peer, info.NodeID, cluster) {
			return load.Destination{}, "", false
		}
		d, ok := r.store.Current().DestinationOf(cluster)
		return load.Destination{Service: d.Service, Namespace: d.Namespace, Port: d.Port}, d.Subset, ok
	}
}

// reportMessage is a LoadStatsRequest as the codec reads it.
type reportMessage struct {
	decoder load.Decoder
	// stream takes the reports while the memory of the message is there. It is nil for the first message, of which keep
	// makes a copy.
	stream *load.Stream
	keep   bool
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
	if m.keep {
		b = slices.Clone(b)
	}
	if err := m.decoder.Decode(b); err != nil {
		return err //nolint:wrapcheck // it names the message
	}
	if m.keep {
		m.node = &corev3.Node{}
		return proto.Unmarshal(m.decoder.Node, m.node)
	}
	if m.stream != nil {
		m.stream.Add(m.decoder.Reports)
	}
	return nil
}
