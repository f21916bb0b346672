package render

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"
)

// JSON returns one indented object that ends with a newline.
func (o *Output) JSON() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(o); err != nil {
		return nil, fmt.Errorf("encode as JSON: %w", err)
	}
	return out.Bytes(), nil
}

// YAML returns a stream of documents: the Problems first, then one document for each resource.
func (o *Output) YAML() ([]byte, error) {
	var out bytes.Buffer
	if err := writeField(&out, "problems", o.Problems); err != nil {
		return nil, err
	}
	for _, r := range o.Resources {
		out.WriteString("---\n")
		resource, err := commented(r)
		if err != nil {
			return nil, err
		}
		// Each field is written on its own: a mapping would be sorted, and the name would be hidden after the resource.
		for _, field := range []struct {
			key   string
			value any
		}{{"type", r.Type}, {"name", r.Name}, {"version", r.Version}} {
			if err := writeField(&out, field.key, field.value); err != nil {
				return nil, err
			}
		}
		out.Write(resource)
	}
	return out.Bytes(), nil
}

func writeField(out *bytes.Buffer, key string, value any) error {
	text, err := yaml.Marshal(map[string]any{key: value})
	if err != nil {
		return fmt.Errorf("encode %s as YAML: %w", key, err)
	}
	out.Write(text)
	return nil
}
