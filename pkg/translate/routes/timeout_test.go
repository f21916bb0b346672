package routes

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestTimeoutCap(t *testing.T) {
	tests := map[string]struct {
		timeout  *durationpb.Duration
		want     time.Duration
		problems []string
	}{
		"absent":   {},
		"zero":     {timeout: durationpb.New(0), problems: []string{"error InvalidValue at"}},
		"set":      {timeout: durationpb.New(1500 * time.Millisecond), want: 1500 * time.Millisecond},
		"negative": {timeout: durationpb.New(-time.Second), problems: []string{"error InvalidValue at"}},
		"shortest": {timeout: durationpb.New(time.Millisecond), want: time.Millisecond},
		"shorter":  {timeout: durationpb.New(time.Millisecond - 1), problems: []string{"error InvalidValue at"}},
		"longest":  {timeout: durationpb.New(2400 * time.Hour), want: 2400 * time.Hour},
		"longer":   {timeout: durationpb.New(2401 * time.Hour), problems: []string{"error InvalidValue at"}},
		"no time":  {timeout: &durationpb.Duration{Nanos: math.MaxInt32}, problems: []string{"error InvalidValue at"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var problems translatetest.Ledger
			got := timeoutCap(problems.Field(), test.timeout)
			if got.GetMaxStreamDuration() == nil || got.GetGrpcTimeoutHeaderMax() == nil {
				t.Fatalf("got %v, want both limits set", got)
			}
			if a, b := got.GetMaxStreamDuration().AsDuration(), got.GetGrpcTimeoutHeaderMax().AsDuration(); a != test.want || b != test.want {
				t.Errorf("got %s and %s, want %s", a, b, test.want)
			}
			if diff := cmp.Diff(problems.Lines(), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}
