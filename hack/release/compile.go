package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// command is the released package, and the name of its binary. demo is the program beside it that its demo runs.
const (
	command = "controlplane"
	demo    = "controlplane-demo"
)

// settled overrides the settings of Go that change its output, so that a release does not depend on the machine.
var settled = []string{
	"GOOS=" + runtime.GOOS, "GOARCH=" + runtime.GOARCH, "CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off", "GOWORK=off",
}

// binary returns the path of a platform's binary.
func (r *release) binary(p platform) string {
	return filepath.Join(r.work, "bin", p.String(), p.file(command))
}

// compile builds the binary for each platform, and the demo.
func (r *release) compile(ctx context.Context) error {
	for _, p := range r.platforms {
		say("compile for %s; this takes minutes the first time", p)
		if err := r.compileFor(ctx, p); err != nil {
			return err
		}
		most := r.others
		if p == (platform{"linux", "amd64"}) {
			most = r.most
		}
		if size, err := os.Stat(r.binary(p)); err != nil {
			return err
		} else if most > 0 && size.Size() > most {
			return fmt.Errorf("the binary for %s has %d bytes, more than %d: see docs/adr/0015", p, size.Size(), most)
		}
		info, err := buildinfo.ReadFile(r.binary(p))
		if err != nil {
			return err
		}
		if got := info.Main.Version; got != r.version {
			return fmt.Errorf("go calls the binary %s, not %s: does the module's path in go.mod allow that version?", got, r.version)
		}
	}
	return nil
}

func (r *release) compileFor(ctx context.Context, p platform) error {
	args := append([]string{"build", "-buildvcs=true", "-o", filepath.Dir(r.binary(p)) + string(filepath.Separator)}, r.flags...)
	_, err := r.goTool(ctx, []string{"GOOS=" + p.os, "GOARCH=" + p.arch}, append(args, "./cmd/"+command, "./cmd/"+demo)...)
	return err
}

// goTool runs the go command in the commit.
func (r *release) goTool(ctx context.Context, env []string, args ...string) (string, error) {
	return outputWith(ctx, r.source.dir, append(slices.Clip(settled), env...), "go", args...)
}

// shells are the shells for which cobra completes commands.
var shells = []struct{ name, extension string }{{"bash", "bash"}, {"fish", "fish"}, {"powershell", "ps1"}, {"zsh", "zsh"}}

// completions returns the completion scripts, by file name. The binary itself writes them.
func (r *release) completions(ctx context.Context) ([]file, error) {
	here := platform{runtime.GOOS, runtime.GOARCH}
	program := r.binary(here)
	if !slices.Contains(r.platforms, here) {
		if err := r.compileFor(ctx, here); err != nil {
			return nil, err
		}
	}
	var files []file
	for _, shell := range shells {
		text, err := output(ctx, r.work, program, "completion", shell.name)
		if err != nil {
			return nil, err
		}
		files = append(files, file{name: "completions/" + command + "." + shell.extension, mode: plain, content: []byte(text + "\n")})
	}
	return files, nil
}

// sboms lists the modules of each binary, and of its demo.
func (r *release) sboms(ctx context.Context) error {
	args := []string{"-beside", demo, "-sbom", filepath.Join(r.work, "sbom")}
	for _, p := range r.platforms {
		args = append(args, r.binary(p))
	}
	if err := r.imageTool(ctx, args...); err != nil {
		return err
	}
	for _, p := range r.platforms {
		for program, to := range map[string]string{command: "", demo: "-demo"} {
			document, err := os.ReadFile(filepath.Join(r.work, "sbom", program+"-"+p.String()+".spdx.json"))
			if err != nil {
				return err
			}
			if err := r.write(r.name(to+"-"+p.String()+".spdx.json"), document); err != nil {
				return err
			}
		}
	}
	return nil
}

// images makes an OCI archive with the images for all Linux platforms, and an archive for `docker load` for each platform.
func (r *release) images(ctx context.Context) error {
	var binaries []string
	common := []string{"-name", r.image + ":" + r.version, "-links", strings.Join(plugins, ","), "-beside", demo}
	if r.jar != "" {
		common = append(common, "-file", r.jar+":/"+agentName)
	}
	for _, p := range r.platforms {
		if p.os != "linux" {
			continue
		}
		binaries = append(binaries, r.binary(p))
		tar := filepath.Join(r.out, r.name("-image-"+p.String()+".tar"))
		if err := r.imageTool(ctx, slices.Concat(common, []string{"-tar", tar, r.binary(p)})...); err != nil {
			return err
		}
	}
	if len(binaries) == 0 {
		return nil
	}
	layout := filepath.Join(r.work, "oci")
	if err := r.imageTool(ctx, slices.Concat(common, []string{"-layout", layout}, binaries)...); err != nil {
		return err
	}
	files, err := readFiles(os.DirFS(layout), ".", "")
	if err != nil {
		return err
	}
	return r.pack(r.name("-image.oci.tar"), files)
}

// imageTool runs the commit's hack/image.
func (r *release) imageTool(ctx context.Context, args ...string) error {
	said, err := r.goTool(ctx, nil, append([]string{"-C", "hack/image", "run", "."}, args...)...)
	for line := range strings.Lines(said) {
		if strings.Contains(line, "sha256:") {
			say("image %s", strings.TrimSpace(line))
		}
	}
	return err
}

// definitions writes Istio's definitions, for clusters without Istio.
func (r *release) definitions(ctx context.Context) error {
	text, err := r.goTool(ctx, nil, append(append([]string{"run"}, r.flags...), "./hack/crds")...)
	if err != nil {
		return err
	}
	return r.write(r.name("-crds.yaml"), []byte(text+"\n"))
}
