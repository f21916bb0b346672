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
	// redirected is where libraries' lines go. It is global because the libraries' own switches are.
	redirected atomic.Pointer[slog.Logger]
	install    sync.Once
)

// Redirect leads what gRPC and client-go log to logger. The libraries read their switches without a lock, so these are
// thrown once, at the first call, which must come before either library is used; later calls only change the logger.
func Redirect(logger *slog.Logger) {
	redirected.Store(logger)
	install.Do(func() {
		grpclog.SetLoggerV2(grpcLogger{})
		klog.SetSlogLogger(slog.New(forward{}))
	})
}

// grpcLogger makes gRPC quiet: what it warns of is a connection that breaks or a peer that misbehaves, which says nothing
// about this process's health, so warnings and errors are shown at debug and the rest never.
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

// gRPC expects a fatal line to end the process.
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

// forward is a slog.Handler that hands every record to the logger of the moment.
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
