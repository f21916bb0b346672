package kube

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"

	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// silentServer is the config of an API server that accepts connections and requests, and answers nothing.
func silentServer() *rest.Config {
	return &rest.Config{Host: "http://silent.example", Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, server) }() // it ends with the connection
		return client, nil
	}}
}

// TestServerThatNeverAnswers has the state, a Problem and the log say so after ten seconds, and the log again every minute.
func TestServerThatNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		k, err := New(silentServer(), watch.Options{Name: "b", Remote: true, Logger: logger})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		inbox, ended, begin := watch.NewInbox(), make(chan error), time.Now()
		go func() { ended <- k.Run(ctx, inbox) }()
		<-time.After(reportAfter - time.Second)
		synctest.Wait()
		if got := k.Lost(); !got.IsZero() {
			t.Errorf("got lost since %s too early", got)
		}
		<-time.After(2 * time.Second)
		synctest.Wait()
		if got := k.Lost(); !got.Equal(begin) {
			t.Errorf("got lost since %s, want since the requests were sent, %s", got, begin)
		}
		if got, want := k.LostWhy(), ": the API server has not answered for 10s"; !strings.HasSuffix(got, want) {
			t.Errorf("got the reason %q, want one that ends with %q", got, want)
		}
		changes, _ := inbox.Take()
		if got := changes.Problems[object.Key{Cluster: "b"}]; len(got) != 1 || !strings.Contains(got[0].Message, errSilent.Error()) {
			t.Errorf("got the Problems %v, want one with %q", got, errSilent)
		}
		<-time.After(2 * remindAfter)
		synctest.Wait()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if k.Lost().IsZero() {
			t.Error("it is not lost at the end")
		}
		const line = `msg="still waiting for the API server" server=http://silent.example`
		if got := strings.Count(log.String(), line); got != 3 {
			t.Errorf("got %d lines with %q, want 3:\n%s", got, line, log.String())
		}
	})
}

// TestAnswerBegins has an answer that begins in time and takes long, which is not silence, and one that comes late.
func TestAnswerBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &apiConnection{logger: slog.New(slog.DiscardHandler)}
		k := &Feed{connection: c}
		i := &informer{row: object.KindPod.Row(), connection: c}
		traced, done := c.begin(t.Context(), i, verbList)
		httptrace.ContextClientTrace(traced).GotFirstResponseByte()
		<-time.After(time.Minute)
		if !k.Lost().IsZero() {
			t.Errorf("got lost since %s while an answer arrives", k.Lost())
		}
		done()
		c.observe(i, verbList, nil)
		begun := time.Now()
		_, done = c.begin(t.Context(), i, verbList)
		<-time.After(reportAfter + time.Second)
		done()
		if !k.Lost().Equal(begun) {
			t.Errorf("got lost since %s without an answer, want since %s", k.Lost(), begun)
		}
		c.observe(i, verbList, nil)
		if !k.Lost().IsZero() {
			t.Errorf("got lost since %s after a late answer", k.Lost())
		}
	})
}
