package logging_test

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/grpc/grpclog"
	"k8s.io/klog/v2"

	"github.com/mizzen-mesh/mizzen/internal/logging"
)

func TestNewHonorsLevelAndFormat(t *testing.T) {
	cases := map[string]struct {
		options logging.Options
		want    string
	}{
		"text shows info at info":  {logging.Options{Level: "info", Format: "text"}, "level=INFO msg=hello"},
		"json shows info at debug": {logging.Options{Level: "debug", Format: "json"}, `"level":"INFO","msg":"hello"`},
		"info is hidden at warn":   {logging.Options{Level: "warn", Format: "text"}, ""},
		"info is hidden at error":  {logging.Options{Level: "error", Format: "json"}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			c.options.Writer = &out
			logger, err := logging.New(c.options)
			if err != nil {
				t.Fatal(err)
			}
			logger.Info("hello")
			if got := out.String(); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("got %q, want a line with %q", got, c.want)
			}
		})
	}
}

func TestNewRejectsUnknownValues(t *testing.T) {
	for name, options := range map[string]logging.Options{
		"level":  {Level: "loud", Format: "text"},
		"format": {Level: "info", Format: "xml"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := logging.New(options); err == nil {
				t.Error("got no error")
			}
		})
	}
}

func TestRedirectUsesTheLatestLogger(t *testing.T) {
	for _, round := range []string{"first", "second"} {
		var out bytes.Buffer
		logger, err := logging.New(logging.Options{Writer: &out, Level: "debug", Format: "text"})
		if err != nil {
			t.Fatal(err)
		}
		logging.Redirect(logger)

		grpclog.Info("chatter")
		grpclog.Warning("a connection broke")
		klog.Background().WithName("reflector").Info("listing", "kind", "Pod")

		got := out.String()
		for _, want := range []string{`level=DEBUG msg="grpc library" text="a connection broke"`, "msg=listing", "kind=Pod"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s logger: got %q, want a line with %q", round, got, want)
			}
		}
		if strings.Contains(got, "chatter") {
			t.Errorf("%s logger: got %q, want no line of gRPC's below a warning", round, got)
		}
	}
}
