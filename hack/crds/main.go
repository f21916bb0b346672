// Command crds prints Istio's definitions of VirtualService and DestinationRule, as the module istio.io/api brings them along in
// the version that Mizzen is built with.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// wanted are the names of the definitions, as they stand in the file.
var wanted = []string{"virtualservices.networking.istio.io", "destinationrules.networking.istio.io"}

func main() {
	text, err := definitions(context.Background())
	if err == nil {
		_, err = os.Stdout.Write(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crds:", err)
		os.Exit(1)
	}
}

func definitions(ctx context.Context) ([]byte, error) {
	dir, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api").Output()
	if err != nil {
		return nil, fmt.Errorf("find the module istio.io/api: %w", err)
	}
	if len(bytes.TrimSpace(dir)) == 0 {
		return nil, errors.New("the module istio.io/api is not there: run `go mod download`")
	}
	path := filepath.Join(string(bytes.TrimSpace(dir)), "kubernetes", "customresourcedefinitions.gen.yaml")
	all, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the definitions: %w", err)
	}
	var found []byte
	for document := range bytes.SplitSeq(all, []byte("\n---\n")) {
		for _, name := range wanted {
			if bytes.Contains(document, []byte("\n  name: "+name+"\n")) {
				found = append(append(found, "---\n"...), append(bytes.TrimSpace(document), '\n')...)
			}
		}
	}
	if n := bytes.Count(found, []byte("kind: CustomResourceDefinition\n")); n != len(wanted) {
		return nil, fmt.Errorf("found %d definitions in %s, want %d", n, path, len(wanted))
	}
	return found, nil
}
