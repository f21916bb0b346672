// Package logging makes the process's logger and leads what libraries log into it.
//
// There is one logger, made in cmd/controlplane and handed down; no package of this module uses slog's default.
package logging
