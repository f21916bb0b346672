package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
)

// browserCommand returns the command that shows an address in the browser of the machine; nil if it has none. The variable
// BROWSER names another command.
func browserCommand(system string, variable func(string) string, address string) []string {
	switch {
	case variable("BROWSER") != "":
		return []string{variable("BROWSER"), address}
	case system == "darwin":
		return []string{"open", address}
	case system == "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler", address}
	case variable("DISPLAY") == "" && variable("WAYLAND_DISPLAY") == "":
		return nil // xdg-open would show the page as text in this terminal
	}
	return []string{"xdg-open", address}
}

// openBrowser shows an address in the browser, and reports whether the browser could be started. The browser may outlive the command.
func openBrowser(ctx context.Context, address string) bool {
	words := browserCommand(runtime.GOOS, os.Getenv, address)
	if words == nil {
		return false
	}
	command := exec.CommandContext(context.WithoutCancel(ctx), words[0], words[1:]...) //nolint:gosec // it is what the user configured
	return command.Start() == nil && command.Process.Release() == nil
}
