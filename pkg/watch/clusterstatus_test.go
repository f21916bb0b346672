package watch

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// losableFeed is a fakeFeed that a test declares lost.
type losableFeed struct {
	*fakeFeed

	since time.Time
	why   string
}

func (f *losableFeed) Lost() time.Time { return f.since }

func (f *losableFeed) LostWhy() string { return f.why }

func losable() (Remote, *losableFeed) {
	r, feed := remote("b", "1")
	lost := &losableFeed{fakeFeed: feed}
	r.Open = func() (Feed, error) { return lost, nil }
	r.Secret, r.Network = "mizzen-system/s", "n"
	return r, lost
}

// known is a Service, two addresses of its EndpointSlice, the same of an Endpoints object, and a pod.
func known(cluster string) Changes {
	c := inCluster(cluster, "x")
	for kind, value := range map[object.Kind]any{
		object.KindEndpointSlice: &object.Slice{Service: "x", Groups: []object.Group{{Addresses: []object.Address{{IP: "10.0.0.1"}, {IP: "10.0.0.2"}}}}},
		object.KindEndpoints:     &object.Slice{Service: "x", Groups: []object.Group{{Addresses: []object.Address{{IP: "10.0.0.1"}}}}},
		object.KindPod:           &object.Pod{},
	} {
		key := object.Key{Kind: kind, Namespace: "demo", Name: "x", Cluster: cluster}
		c.Objects[key] = &object.Object{Key: key, Value: value}
	}
	return c
}

// TestClusters brings a cluster into each state.
func TestClusters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRemotes(t, memoryStates{}, false)
		defer r.end()
		b, feed := losable()
		at := ClusterStatus{Name: "b", State: ClusterNeverRead, Secret: "mizzen-system/s", Network: "n"}
		expect := func(when string, want ...ClusterStatus) {
			t.Helper()
			synctest.Wait()
			if diff := cmp.Diff(want, r.joined.Clusters()); diff != "" {
				t.Errorf("%s: clusters (-want +got):\n%s", when, diff)
			}
		}
		r.report(b)
		expect("not read yet", at)
		feed.since, feed.why = time.Now(), "Pod: no answer"
		at.LostSince, at.Reason = feed.since, feed.why
		expect("it does not answer", at)
		feed.since, feed.why = time.Time{}, ""
		r.put(feed.fakeFeed, known("b"), true)
		at.State, at.Read, at.LostSince, at.Reason = ClusterFollowing, true, time.Time{}, ""
		at.ChangedAt, at.Services, at.Endpoints, at.Pods, at.Objects = time.Now(), 1, 2, 1, 4
		expect("read", at)
		<-time.After(time.Minute)
		feed.since, feed.why = time.Now(), "Pod: no answer"
		frozen := at
		frozen.State, frozen.LostSince, frozen.Reason = ClusterFrozen, feed.since, feed.why
		expect("it does not answer any more", frozen)
		feed.since, feed.why = time.Time{}, ""
		expect("it answers", at)

		wrong := func(cluster, secret string) Refusal {
			return Refusal{cluster, mesh.Problem{Object: mesh.Ref{Kind: "Secret", Namespace: "mizzen-system", Name: secret}, Message: "It is wrong."}}
		}
		refused := at
		refused.State, refused.Reason = ClusterRefused, "It is wrong."
		other := ClusterStatus{Name: "b", State: ClusterRefused, Reason: "It is wrong.", Secret: "mizzen-system/t"}
		r.updates <- update{[]Remote{{Name: "b", Secret: b.Secret, Network: b.Network}}, []Refusal{wrong("b", "s"), wrong("b", "t")}}
		expect("its Secret is wrong, and another has the name, too", refused, other)
		r.updates <- update{[]Remote{{Name: "b", Revision: "2", Secret: b.Secret, Network: b.Network, Open: func() (Feed, error) { return nil, errors.New("no") }}}, nil}
		refused.Reason = "no"
		expect("it cannot be opened", refused)
		r.report(b)
		feed.do <- func(inbox *Inbox) error { inbox.Put(known("b")); inbox.Complete(); return nil }
		<-time.After(2 * time.Millisecond)
		synctest.Wait()
		if got := r.joined.Clusters(); len(got) != 1 || got[0].State != ClusterFollowing || got[0].Reason != "" {
			t.Errorf("mended: got %+v", got)
		}
		r.report()
		expect("no longer joined", []ClusterStatus{}...)
	})
}

// TestClustersAway restarts the process while the cluster is away.
func TestClustersAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		states := memoryStates{}
		r := startRemotes(t, states, false)
		b, feed := losable()
		r.report(b)
		r.put(feed.fakeFeed, known("b"), true)
		r.end()
		r = startRemotes(t, states, false)
		defer r.end()
		r.report(b)
		<-time.After(6 * time.Second)
		got := r.joined.Clusters()
		if len(got) != 1 || got[0].State != ClusterAway || got[0].Endpoints != 2 || got[0].StoredAt.IsZero() || got[0].ChangedAt != got[0].StoredAt {
			t.Errorf("got %+v, want the cluster away with what was stored of it", got)
		}
	})
}
