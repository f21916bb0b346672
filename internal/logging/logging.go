package logging

import (
	"fmt"
	"io"
	"log/slog"
)

// Options are the settings of the process's logger.
type Options struct {
	// Writer receives the lines; for a command it is standard error.
	Writer io.Writer
	// Level is debug, info, warn or error.
	Level string
	// Format is text or json.
	Format string
}

// New makes a logger. It fails if the level or the format is not one of those in Options.
func New(o Options) (*slog.Logger, error) {
	var level slog.Level
	switch o.Level {
	case "debug":
		level = slog.LevelDebug
	case "info":
		level = slog.LevelInfo
	case "warn":
		level = slog.LevelWarn
	case "error":
		level = slog.LevelError
	default:
		return nil, fmt.Errorf("unknown log level %q: it is one of debug, info, warn, error", o.Level)
	}
	options := &slog.HandlerOptions{Level: level}
	switch o.Format {
	case "text":
		return slog.New(slog.NewTextHandler(o.Writer, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(o.Writer, options)), nil
	}
	return nil, fmt.Errorf("unknown log format %q: it is one of text, json", o.Format)
}
