package watch

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

func TestLost(t *testing.T) {
	k := &Kube{link: &link{logger: slog.New(slog.DiscardHandler)}}
	noAnswer := errors.New("connection refused")
	for _, step := range []struct {
		ended error
		lost  bool
	}{{nil, false}, {noAnswer, true}, {noAnswer, true}, {apierrors.NewUnauthorized("no"), false}, {noAnswer, true}, {nil, false}} {
		before := time.Now()
		k.link.observe(step.ended)
		if got := k.Lost(); got.IsZero() == step.lost || got.After(time.Now()) {
			t.Errorf("after %v, asked at %v: got lost since %v, want lost: %t", step.ended, before, got, step.lost)
		}
	}
}
