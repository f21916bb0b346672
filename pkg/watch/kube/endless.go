package kube

import (
	"errors"
	"io"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// The API server of a remote cluster is not trusted to end a list. Kubernetes supports 150,000 pods in a cluster, and with them 5,000
// nodes and 10,000 Services; a page has up to 500 objects, each of at most 1.5 MiB and usually of a few kilobytes.
const (
	// maxListed is how many objects the unfinished lists of a cluster may have.
	maxListed = 250_000
	// maxPages is how many pages a list may have.
	maxPages = 1000
	// maxPage is how many bytes a page may have.
	maxPage = 64 << 20
)

var errEndless = errors.New("the list of objects does not end")

// beginList forgets what the last list of the informer had, whether it was finished or not.
func (i *informer) beginList() {
	i.connection.listed.Add(-i.listed.Swap(0))
	i.pages = 0
}

// countListed counts objects of a list that is not finished. It returns an error if there are too many.
func (i *informer) countListed(objects int) error {
	if i.remote == "" {
		return nil
	}
	i.listed.Add(int64(objects))
	if i.connection.listed.Add(int64(objects)) > i.connection.maxListed {
		i.endless.Store(true)
		return errEndless
	}
	return nil
}

// countPage counts a page of a list.
func (i *informer) countPage(objects int) error {
	if i.pages++; i.remote != "" && i.pages > maxPages {
		i.endless.Store(true)
		return errEndless
	}
	return i.countListed(objects)
}

// endList records that a list was read completely.
func (i *informer) endList() {
	i.beginList()
	if i.endless.Swap(false) {
		i.connection.succeeded(i, verbWatch)
	}
}

// counted passes on a watch that begins with a list, and ends it with an error if the list has too many objects.
func (i *informer) counted(w watch.Interface) watch.Interface {
	events := make(chan watch.Event)
	counted, begun := watch.NewProxyWatcher(events), i.begun
	i.running.Go(func() {
		defer close(events)
		defer w.Stop()
		for listing, endless := true, false; !endless; {
			var event watch.Event
			var ok bool
			select {
			case event, ok = <-w.ResultChan():
			case <-counted.StopChan():
			}
			if !ok {
				return
			}
			switch {
			case !listing:
			case event.Type == watch.Bookmark:
				listing = !isListEnd(event)
			case i.countListed(1) != nil:
				i.connection.failedSince(begun, i, verbWatch, errEndless)
				event, endless = watch.Event{Type: watch.Error, Object: &metav1.Status{
					Status: metav1.StatusFailure, Reason: metav1.StatusReasonRequestEntityTooLarge, Code: http.StatusRequestEntityTooLarge, Message: errEndless.Error(),
				}}, true
			}
			select {
			case events <- event:
			case <-counted.StopChan():
				return
			}
		}
	})
	return counted
}

// isListEnd reports whether a bookmark follows the last object of the list that a watch begins with.
func isListEnd(event watch.Event) bool {
	object, ok := event.Object.(metav1.Object)
	return ok && object.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true"
}

// pageLimit is a transport that ends a page of a list that is too long.
type pageLimit struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p pageLimit) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := p.RoundTripper.RoundTrip(request)
	if query := request.URL.Query(); err == nil && query.Get("watch") == "" {
		response.Body = &limitedBody{ReadCloser: response.Body, left: maxPage}
	}
	return response, err
}

// limitedBody is a body that may have so many bytes.
type limitedBody struct {
	io.ReadCloser

	left int
}

// Read implements io.Reader.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errEndless
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= n
	return n, err
}
