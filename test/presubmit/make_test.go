package presubmit

import (
	"os/exec"
	"strings"
	"testing"
)

// dry returns the commands that make would run.
func dry(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"--no-print-directory", "-n"}, args...)...)
	cmd.Dir = repository
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestMakeSaysWhatItIsAt: a first compilation is silent for minutes, so that each target which compiles the binary starts with a line.
func TestMakeSaysWhatItIsAt(t *testing.T) {
	for _, target := range []string{"build", "image", "demo", "release"} {
		commands, err := dry(t, target)
		if err != nil {
			t.Fatalf("make -n %s: %v\n%s", target, err, commands)
		}
		if !strings.HasPrefix(commands, `echo "make: compiling `) {
			t.Errorf("make %s starts without a line that says what it does:\n%s", target, commands)
		}
	}
}

func TestMakeImagePlatforms(t *testing.T) {
	both := []string{"linux-amd64/controlplane", "linux-arm64/controlplane"}
	for platforms, want := range map[string][]string{
		"":                                    both,
		"PLATFORMS=linux/amd64":               both[:1],
		"PLATFORMS=linux/arm64":               both[1:],
		"PLATFORMS=linux/amd64,linux/arm64":   both,
		"PLATFORMS=linux/arm64  linux/amd64 ": both,
		"PLATFORMS=":                          both,
		"PLATFORMS=windows/amd64":             nil,
		"PLATFORMS=linux/amd64 darwin/arm64":  nil,
		"PLATFORMS=amd64":                     nil,
	} {
		t.Run(platforms, func(t *testing.T) {
			args := []string{"image"}
			if platforms != "" {
				args = append(args, platforms)
			}
			commands, err := dry(t, args...)
			if want == nil {
				if err == nil || !strings.Contains(commands, "PLATFORMS is linux/amd64 or linux/arm64 or both, not") {
					t.Errorf("got %v, want an error that names the platforms\n%s", err, commands)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, commands)
			}
			for _, binary := range both {
				if got, want := strings.Contains(commands, binary), strings.Contains(strings.Join(want, " "), binary); got != want {
					t.Errorf("%s: got %v, want %v\n%s", binary, got, want, commands)
				}
			}
		})
	}
}
