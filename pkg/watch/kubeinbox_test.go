package watch

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestInboxRemembersWhenTheFirstChangeCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox()
		first := time.Now()
		b.put(map[objectKey]*object{{name: "a"}: nil})
		<-time.After(time.Second)
		b.put(map[objectKey]*object{{name: "b"}: nil})
		b.take()
		if !b.arrived.Equal(first) {
			t.Errorf("got %v, want that of the first change, %v", b.arrived, first)
		}
		<-time.After(time.Second)
		second := time.Now()
		b.put(map[objectKey]*object{{name: "c"}: nil})
		b.take()
		if !b.arrived.Equal(second) {
			t.Errorf("got %v, want that of the change since, %v", b.arrived, second)
		}
	})
}
