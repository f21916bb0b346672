package watch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

func TestInboxRemembersWhenTheFirstChangeCame(t *testing.T) {
	one := func(name string) Changes { return Changes{Objects: map[object.Key]*object.Object{{Name: name}: nil}} }
	synctest.Test(t, func(t *testing.T) {
		b := NewInbox()
		first := time.Now()
		b.Put(one("a"))
		<-time.After(time.Second)
		b.Put(one("b"))
		if _, arrived := b.Take(); !arrived.Equal(first) {
			t.Errorf("got %v, want the time of the first change, %v", arrived, first)
		}
		<-time.After(time.Second)
		second := time.Now()
		b.Put(Changes{Problems: map[object.Key][]mesh.Problem{{}: nil}})
		if _, arrived := b.Take(); !arrived.Equal(second) {
			t.Errorf("got %v, want the time of the second change, %v", arrived, second)
		}
		b.Put(Changes{})
		if c, arrived := b.Take(); !c.Empty() || !arrived.IsZero() {
			t.Errorf("got %v of %v, want nothing", c, arrived)
		}
	})
}
