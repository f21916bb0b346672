// Package logging makes the process's logger, and redirects the log lines of libraries to it.
//
// There is one logger. cmd/controlplane makes it (logging.go) and passes it on; no package of this module uses slog's
// default. Redirect is in redirect.go.
package logging
