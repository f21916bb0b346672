package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// folder is a target of YAML files. Objects that do not change are in files of a hundred services; each object that
// changes has its own file.
type folder struct {
	dir    string
	remove func()
}

const perFile = 100

func (f *folder) seed(ctx context.Context, p *plan) error {
	var text bytes.Buffer
	for s := range p.o.services {
		for _, object := range p.objects(s) {
			if p.mayChange(s) && changes(object) {
				if err := f.update(ctx, object); err != nil {
					return err
				}
				continue
			}
			if err := encode(&text, object); err != nil {
				return err
			}
		}
		if s%perFile == perFile-1 || s == p.o.services-1 {
			if err := f.replace(fmt.Sprintf("services-%d.yaml", s/perFile), text.Bytes()); err != nil {
				return err
			}
			text.Reset()
		}
	}
	for _, policy := range p.policies() {
		if err := f.update(ctx, policy); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// changes reports whether an object of a changing service is one that changes.
func changes(o *unstructured.Unstructured) bool {
	return o.GetKind() == "EndpointSlice" || o.GetKind() == "VirtualService"
}

func (f *folder) clear(context.Context) error {
	f.remove()
	return nil
}

func (f *folder) update(_ context.Context, o *unstructured.Unstructured) error {
	var text bytes.Buffer
	if err := encode(&text, o); err != nil {
		return err
	}
	return f.replace(fmt.Sprintf("%s-%s-%s.yaml", o.GetKind(), o.GetNamespace(), o.GetName()), text.Bytes())
}

// replace replaces a file atomically.
func (f *folder) replace(name string, text []byte) error {
	hidden := filepath.Join(f.dir, "."+name)
	if err := os.WriteFile(hidden, text, 0o600); err != nil {
		return err
	}
	return os.Rename(hidden, filepath.Join(f.dir, name))
}

func encode(text *bytes.Buffer, o *unstructured.Unstructured) error {
	document, err := yaml.Marshal(o.Object)
	if err != nil {
		return fmt.Errorf("encode %s %s: %w", o.GetKind(), o.GetName(), err)
	}
	text.WriteString("---\n")
	text.Write(document)
	return nil
}
