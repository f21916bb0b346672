// Command crds prints the definitions of the Istio kinds that Mizzen watches, as they are in the version of the
// module istio.io/api that Mizzen is built with.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// wanted returns the names of the definitions in the file.
func wanted() []string {
	var names []string
	for _, row := range object.Kinds {
		if strings.HasSuffix(row.Resource.Group, ".istio.io") {
			names = append(names, row.Resource.GroupResource().String())
		}
	}
	return names
}

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
	// In a fresh clone nothing has used the module yet, so it may have to be downloaded.
	said, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", "istio.io/api").Output()
	var module struct{ Dir, Error string }
	if wrong := json.Unmarshal(said, &module); module.Error != "" {
		err = errors.New(module.Error)
	} else if err == nil {
		err = wrong
	}
	if err != nil {
		return nil, fmt.Errorf("get the module istio.io/api: %w", err)
	}
	path := filepath.Join(module.Dir, "kubernetes", "customresourcedefinitions.gen.yaml")
	all, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the definitions: %w", err)
	}
	var found []byte
	wanted := wanted()
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
