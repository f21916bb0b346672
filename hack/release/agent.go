package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const (
	// agentName is the Java agent's name in images and archives.
	agentName = "mizzen-agent.jar"
	// starterName is the name of the same as a dependency.
	starterName = "mizzen-spring-cloud-starter.jar"
	// snapshot is the version of the agent in the commit.
	snapshot = "<version>0.1.0-SNAPSHOT</version>"
)

// agent builds the Java agent with the version of the release, in a copy of its source: the commit stays as it is. A commit
// without an agent makes a release without one.
func (r *release) agent(ctx context.Context) error {
	source := filepath.Join(r.source.dir, "agents", "java")
	if _, err := os.Stat(filepath.Join(source, "pom.xml")); os.IsNotExist(err) {
		return nil
	}
	say("build the Java agent; this takes a minute")
	work := filepath.Join(r.work, "agent")
	if err := os.CopyFS(work, os.DirFS(source)); err != nil {
		return err
	}
	if err := setVersion(work, strings.TrimPrefix(r.version, "v")); err != nil {
		return err
	}
	// With the time of the commit the jar does not depend on the time of the release.
	modified := fmt.Sprintf("-Dproject.build.outputTimestamp=%d", r.source.time.Unix())
	if _, err := output(ctx, work, "mvn", "-B", "-q", "-DskipTests", modified, "package"); err != nil {
		return fmt.Errorf("the Java agent needs a JDK 17 and Maven: %w", err)
	}
	r.jar = filepath.Join(work, "agent", "target", agentName)
	for name, jar := range map[string]string{"-agent.jar": r.jar, "-spring-cloud-starter.jar": filepath.Join(work, "starter", "target", starterName)} {
		content, err := os.ReadFile(jar)
		if err != nil {
			return err
		}
		if err := r.write(r.name(name), content); err != nil {
			return err
		}
	}
	return nil
}

// setVersion sets the version of all Maven projects in a directory.
func setVersion(dir, version string) error {
	files, err := readFiles(os.DirFS(dir), ".", "")
	if err != nil {
		return err
	}
	for _, f := range files {
		if path.Base(f.name) != "pom.xml" {
			continue
		}
		if !bytes.Contains(f.content, []byte(snapshot)) {
			return fmt.Errorf("%s does not contain %s, which becomes the version of the release", f.name, snapshot)
		}
		text := bytes.ReplaceAll(f.content, []byte(snapshot), []byte("<version>"+version+"</version>"))
		if err := os.WriteFile(filepath.Join(dir, f.name), text, plain); err != nil {
			return err
		}
	}
	return nil
}
