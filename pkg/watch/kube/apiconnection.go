package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// reportAfter is how long the cluster is unreadable before a Problem reports it. An API server may restart in that time.
const reportAfter = 10 * time.Second

// apiConnection is the state of the connection to the API server. All informers share it. The connection is lost while
// any kind cannot be read: there is no answer, the answer does not come from Kubernetes, or the API server refuses the
// request. Then the served objects of that kind may be old.
type apiConnection struct {
	domain string
	// remote is the name of the cluster if it is a remote one.
	remote string
	logger *slog.Logger
	// listed is how many objects the lists have that are not finished, and maxListed how many they may have if the cluster is a remote one.
	listed    atomic.Int64
	maxListed int64

	// mu protects the fields below.
	mu sync.Mutex
	// inbox takes the Problem. It is nil until the feed runs.
	inbox *watch.Inbox
	// sent has when requests were sent that have no outcome yet, and failing the requests that failed last.
	sent    map[request]time.Time
	failing map[request]struct{}
	// lost is since when a request fails; zero if none does. reported is set while a Problem reports it.
	lost     time.Time
	reported bool
	// why is which kind could not be read last, and why; empty if all can.
	why string
}

// request is what an informer does: list or watch.
type request struct {
	informer *informer
	verb     string
}

// errSilent is the outcome of a request so far, once reportAfter has passed without an answer.
var errSilent = fmt.Errorf("the API server has not answered for %s", reportAfter)

// begin records that a request is sent: one that is not answered within reportAfter has failed so far. client-go waits for an answer
// for minutes. The request must be sent with the returned context. done is called when it returns, before its outcome is recorded.
func (c *apiConnection) begin(ctx context.Context, i *informer, verb string) (traced context.Context, done func()) {
	r, begun := request{i, verb}, time.Now()
	c.mu.Lock()
	if c.sent == nil {
		c.sent = map[request]time.Time{}
	}
	c.sent[r] = begun
	c.mu.Unlock()
	late := time.AfterFunc(reportAfter, func() { c.silent(r, begun) })
	// A long list takes its time once it arrives.
	traced = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: func() { late.Stop() }})
	return traced, func() { late.Stop() }
}

// silent records that a request has no answer yet, unless it has an outcome meanwhile.
func (c *apiConnection) silent(r request, begun time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent[r].Equal(begun) {
		c.fail(r, errSilent)
	}
}

// observe records the outcome of a request.
func (c *apiConnection) observe(i *informer, verb string, err error) {
	if i.reads(err) {
		c.succeeded(i, verb)
	} else {
		c.failed(i, verb, err)
	}
}

// failed records a request after which a kind is unread.
func (c *apiConnection) failed(i *informer, verb string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail(request{i, verb}, err)
}

// failedSince records a request that had an answer, after which a kind is unread since the request was sent.
func (c *apiConnection) failedSince(begun time.Time, i *informer, verb string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent[request{i, verb}] = begun
	c.fail(request{i, verb}, err)
}

// fail records that a kind is unread since the request was sent. The caller holds mu.
func (c *apiConnection) fail(r request, err error) {
	if c.failing == nil {
		c.failing = map[request]struct{}{}
	}
	c.failing[r] = struct{}{}
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err // without the URL of the request, which is long
	}
	if status := apierrors.APIStatus(nil); err.Error() == "" && errors.As(err, &status) {
		err = fmt.Errorf("the API server answers %d %s", status.Status().Code, status.Status().Reason)
	}
	begun, ok := c.sent[r]
	if !ok {
		begun = time.Now()
	}
	delete(c.sent, r)
	kind := r.informer.row.Kind
	c.why = fmt.Sprintf("%s: %v", kind, err)
	if c.lost.IsZero() {
		c.lost = begun
		if !errors.As(err, new(apierrors.APIStatus)) { // the informer logs refusals
			c.logger.Warn("kubernetes connection lost", "error", err)
		}
	}
	if !c.reported && time.Since(c.lost) >= reportAfter {
		name, remedy := c.domain, "correct the control plane's credentials and rights"
		if c.remote != "" {
			name, remedy = c.remote, "correct the kubeconfig in its Secret, or the rights that it gives"
		}
		c.report(mesh.Problem{
			Code: mesh.CodeSourceLost, Severity: mesh.Error, Object: mesh.Ref{Kind: mesh.KindCluster, Name: name},
			Message: fmt.Sprintf("%s cannot be read since %s: %v. The last known state is served. Make the API server reachable, or %s.",
				kind, c.lost.UTC().Format(time.RFC3339), err, remedy),
		})
	}
}

// succeeded records a request after which the kind is read. A watch that begins also makes up for a list.
func (c *apiConnection) succeeded(i *informer, verb string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sent, request{i, verb})
	delete(c.failing, request{i, verb})
	if verb == verbWatch {
		delete(c.failing, request{i, verbList})
	}
	if c.lost.IsZero() || len(c.failing) > 0 {
		return
	}
	c.logger.Info("kubernetes connection restored", "after", time.Since(c.lost).Round(time.Millisecond))
	c.lost, c.why = time.Time{}, ""
	if c.reported {
		c.report()
	}
}

// report replaces the Problem of the whole source. The caller holds mu.
func (c *apiConnection) report(problems ...mesh.Problem) {
	if c.inbox == nil {
		return
	}
	c.inbox.Put(watch.Changes{Problems: map[object.Key][]mesh.Problem{{Cluster: c.remote}: problems}})
	c.reported = len(problems) > 0
}
