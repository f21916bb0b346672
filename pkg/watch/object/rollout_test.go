package object

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func TestRolloutPolicy(t *testing.T) {
	good := map[string]mesh.RolloutPolicy{
		"10%,5m":          {Percent: 10, Window: 5 * time.Minute},
		"1%,1s,abort":     {Percent: 1, Window: time.Second, Abort: true},
		" 99 % , 24h ":    {Percent: 99, Window: 24 * time.Hour},
		"50%,90s , abort": {Percent: 50, Window: 90 * time.Second, Abort: true},
	}
	for text, want := range good {
		out := Object{}
		got := rolloutPolicy(&metav1.ObjectMeta{Annotations: map[string]string{mesh.AnnotationRollout: text}}, &out)
		if got != want || len(out.Problems) > 0 {
			t.Errorf("%q: got %+v and %v, want %+v", text, got, out.Problems, want)
		}
	}
	bad := map[string]string{
		"0%,5m": "share", "101%,5m": "share", "100%,5m": "share", "-1%,5m": "share", "10,5m": "share", "ten%,5m": "share", "1.5%,5m": "share", "300%,5m": "share",
		"10%,0s": "window", "10%,25h": "window", "10%,-5m": "window", "10%,5": "window", "10%,": "window",
		"": "a share and a window", "10%": "a share and a window", "10%,5m,abort,now": "a share and a window", "10%,5m,stop": "third part", "10%,5m,": "third part",
	}
	for text, want := range bad {
		out := Object{}
		got := rolloutPolicy(&metav1.ObjectMeta{Annotations: map[string]string{mesh.AnnotationRollout: text}}, &out)
		if got != (mesh.RolloutPolicy{Invalid: true}) || len(out.Problems) != 1 || out.Problems[0].Severity != mesh.Error || !strings.Contains(out.Problems[0].Message, want) {
			t.Errorf("%q: got %+v and %v, want an invalid policy and one error about the %s", text, got, out.Problems, want)
		}
	}
}

func TestPinOf(t *testing.T) {
	for text, want := range map[string]string{
		"g-3f2a91,2026-11-28T04:00Z": "g-3f2a91 2026-11-28T04:00:00Z", "g-3f2a91c04d, 2026-11-28T04:00:30+01:00": "g-3f2a91c04d 2026-11-28T03:00:30Z",
		"": "", "g-3f2a91": "", "g-previous,2026-11-28T04:00Z": "", "g-3F2A91,2026-11-28T04:00Z": "", "g-3f2a91c04d0,2026-11-28T04:00Z": "", "g-3f2a,b1c04d,2026-11-28T04:00Z": "", "g-,2026-11-28T04:00Z": "", "3f2a91,2026-11-28T04:00Z": "", "g-3f2a91,2026-11-28": "", "g-3f2a91,1h": "", "g-3f2a91,2026-11-28T04:00": "", "g-3f2a91,2026-11-28T04:00Z,x": "",
	} {
		out := Object{}
		got := pinOf(&metav1.ObjectMeta{Annotations: map[string]string{mesh.AnnotationPin: text}}, &out)
		read := got.Generation
		if !got.Until.IsZero() {
			read += " " + got.Until.Format(time.RFC3339)
		}
		if read != want || got.Invalid == strings.Contains(want, " ") || got.Invalid != (len(out.Problems) == 1) {
			t.Errorf("%q: got %+v and %v, want %q", text, got, out.Problems, want)
		}
	}
}

// TestLongValues: a Problem, which many read, does not repeat a value of a megabyte.
func TestLongValues(t *testing.T) {
	out := Object{}
	rolloutPolicy(&metav1.ObjectMeta{Annotations: map[string]string{mesh.AnnotationRollout: strings.Repeat("é", 500_000)}}, &out)
	pinOf(&metav1.ObjectMeta{Annotations: map[string]string{mesh.AnnotationPin: strings.Repeat("x", 1_000_000)}}, &out)
	for _, p := range out.Problems {
		if len(p.Message) > 1000 || !strings.Contains(p.Message, "…") || !utf8.ValidString(p.Message) {
			t.Errorf("the message has %d bytes", len(p.Message))
		}
	}
	if len(out.Problems) != 2 {
		t.Errorf("got %d Problems, want 2", len(out.Problems))
	}
}

// TestNotRolledOut: an annotation on a kind that does not follow it says so, and what to do.
func TestNotRolledOut(t *testing.T) {
	for kind, annotation := range map[Kind]string{KindGRPCRoute: mesh.AnnotationRollout, KindHTTPRoute: mesh.AnnotationRollout, KindServiceEntry: mesh.AnnotationPin} {
		if got := ignoredKey("annotation", annotation, string(kind), mesh.AnnotatedKinds(annotation)); !strings.HasPrefix(got, "It has no effect on a") {
			t.Errorf("%s on %s: got %q, want that it has no effect", annotation, kind, got)
		}
	}
}
