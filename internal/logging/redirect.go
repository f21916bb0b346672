package logging

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/grpclog"
	"k8s.io/klog/v2"
)

var (
	// redirected receives the libraries' log lines. It is a package variable because the libraries' loggers are, too.
	redirected atomic.Pointer[slog.Logger]
	install    sync.Once
)

// Redirect sends the log lines of gRPC and client-go to logger. The libraries read their loggers without a lock, so
// these are set once, by the first call, which must happen before either library is used. Later calls only replace
// logger.
func Redirect(logger *slog.Logger) {
	redirected.Store(logger)
	install.Do(func() {
		grpclog.SetLoggerV2(grpcLogger{})
		klog.SetSlogLogger(slog.New(forward{}))
	})
}

// grpcLogger logs gRPC's warnings and errors at debug, and drops everything else. gRPC warns about broken connections
// and peers that misbehave, which do not show that this process is unhealthy.
type grpcLogger struct{}

var _ grpclog.LoggerV2 = grpcLogger{}

func (grpcLogger) Info(...any)          {}
func (grpcLogger) Infoln(...any)        {}
func (grpcLogger) Infof(string, ...any) {}

func (grpcLogger) Warning(args ...any)                 { logGRPC(fmt.Sprint(args...)) }
func (grpcLogger) Warningln(args ...any)               { logGRPC(fmt.Sprintln(args...)) }
func (grpcLogger) Warningf(format string, args ...any) { logGRPC(fmt.Sprintf(format, args...)) }
func (grpcLogger) Error(args ...any)                   { logGRPC(fmt.Sprint(args...)) }
func (grpcLogger) Errorln(args ...any)                 { logGRPC(fmt.Sprintln(args...)) }
func (grpcLogger) Errorf(format string, args ...any)   { logGRPC(fmt.Sprintf(format, args...)) }

// gRPC expects that the process ends after a fatal line.
func (grpcLogger) Fatal(args ...any)                 { fatal(fmt.Sprint(args...)) }
func (grpcLogger) Fatalln(args ...any)               { fatal(fmt.Sprintln(args...)) }
func (grpcLogger) Fatalf(format string, args ...any) { fatal(fmt.Sprintf(format, args...)) }

// V keeps gRPC from building the text of verbose lines.
func (grpcLogger) V(int) bool { return false }

func logGRPC(text string) {
	redirected.Load().Debug("grpc library", "text", strings.TrimSpace(text))
}

func fatal(text string) {
	redirected.Load().Error("grpc library failed", "text", strings.TrimSpace(text))
	os.Exit(1)
}

// forward is a slog.Handler that passes each record to the current logger.
type forward struct {
	scope func(slog.Handler) slog.Handler
}

var _ slog.Handler = forward{}

func (f forward) target() slog.Handler {
	handler := redirected.Load().Handler()
	if f.scope != nil {
		handler = f.scope(handler)
	}
	return handler
}

func (f forward) Enabled(ctx context.Context, level slog.Level) bool {
	return f.target().Enabled(ctx, level)
}

func (f forward) Handle(ctx context.Context, record slog.Record) error {
	return f.target().Handle(ctx, record)
}

func (f forward) WithAttrs(attrs []slog.Attr) slog.Handler {
	return f.with(func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
}

func (f forward) WithGroup(name string) slog.Handler {
	return f.with(func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

func (f forward) with(next func(slog.Handler) slog.Handler) forward {
	before := f.scope
	return forward{scope: func(h slog.Handler) slog.Handler {
		if before != nil {
			h = before(h)
		}
		return next(h)
	}}
}
