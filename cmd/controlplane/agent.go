package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// agentJar is the name of the Java agent, which images and archives of releases have beside the program.
const agentJar = "mizzen-agent.jar"

func newAgent(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Give Java applications the agent that belongs to this program",
		Long: `Give Java applications the agent that belongs to this program. The image of the control plane
and the archives of a release contain it as mizzen-agent.jar, beside the program.`,
	}
	cmd.AddCommand(newAgentCopy(std))
	return cmd
}

func newAgentCopy(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "copy DIRECTORY",
		Short: "Copy the Java agent into a directory",
		Long: `Copy mizzen-agent.jar, which is beside this program, into a directory, and print its new path.
The file is verified before another program can see it: a damaged jar would stop every JVM that
loads it. A file of this name is replaced.

Injected pods have an init container that runs this command: see docs/INSTALL.md.

The exit code is 1 if the file cannot be copied, and 2 if the command line is invalid.`,
		Example: `  controlplane agent copy /opt/mizzen
  JAVA_TOOL_OPTIONS=-javaagent:/opt/mizzen/mizzen-agent.jar java -jar app.jar`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageErrorf(cmd, "name one directory")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			program, err := os.Executable()
			if err == nil {
				program, err = filepath.EvalSymlinks(program)
			}
			if err != nil {
				return fmt.Errorf("find this program, which has the agent beside it: %w", err)
			}
			path, err := copyAgent(filepath.Join(filepath.Dir(program), agentJar), args[0])
			if err != nil {
				return fmt.Errorf("copy the Java agent: %w", err)
			}
			return std.print([]byte(path + "\n"))
		},
	}
}

// copyAgent copies the jar into a directory, and returns the path of the copy. All users may read it.
func copyAgent(jar, dir string) (path string, err error) {
	content, err := os.ReadFile(jar) //nolint:gosec // it is beside this program
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("this program was installed without it, and in a clone make agent builds it: %w", err)
	}
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp(dir, agentJar+".")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(content)
	if err = errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		return "", err
	}
	if content, err = os.ReadFile(file.Name()); err != nil {
		return "", err
	}
	if err := checkAgentJar(content); err != nil {
		return "", fmt.Errorf("%s is damaged: %w", jar, err)
	}
	path = filepath.Join(dir, agentJar)
	return path, os.Rename(file.Name(), path)
}

// checkAgentJar reads a whole jar, and reports what keeps a JVM from running it as an agent.
func checkAgentJar(content []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return err
	}
	isAgent := false
	for _, entry := range archive.File {
		text, err := readEntry(entry)
		if err != nil {
			return fmt.Errorf("%s: %w", entry.Name, err)
		}
		if entry.Name == "META-INF/MANIFEST.MF" {
			isAgent = strings.Contains(string(text), "Premain-Class:")
		}
	}
	if !isAgent {
		return errors.New("its manifest has no Premain-Class")
	}
	return nil
}

// readEntry reads a file of an archive, which verifies its checksum.
func readEntry(entry *zip.File) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	return text, errors.Join(err, r.Close())
}
