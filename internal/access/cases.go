package access

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Case is an expectation about one call.
type Case struct {
	Name     string
	Question Question
	// Allow is set if the call is expected to be allowed.
	Allow bool
	// Line is where the case begins in its file.
	Line int
}

// writtenCase is a case as its author writes it.
type writtenCase struct {
	Name     string            `yaml:"name"`
	From     string            `yaml:"from"`
	To       string            `yaml:"to"`
	Method   string            `yaml:"method"`
	Headers  map[string]string `yaml:"headers"`
	SourceIP string            `yaml:"sourceIP"`
	ToLabels map[string]string `yaml:"toLabels"`
	Expect   string            `yaml:"expect"`
}

// ReadCases reads a list of cases. Every mistake is an error with its line.
func ReadCases(data []byte) ([]Case, error) {
	var document yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(string(data)))
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the file has no cases")
	case err != nil:
		return nil, err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file has several documents; write one list")
	}
	list := document.Content[0]
	if list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		return nil, fmt.Errorf("line %d: the file is not a list of cases", list.Line)
	}
	var all []Case
	var errs []error
	names := map[string]int{}
	for _, node := range list.Content {
		c, err := readCase(node)
		if first, ok := names[c.Name]; ok && err == nil {
			err = fmt.Errorf("line %d: the name %q is also that of the case in line %d", node.Line, c.Name, first)
		}
		names[c.Name] = node.Line
		if err != nil {
			errs = append(errs, err)
		}
		all = append(all, c)
	}
	return all, errors.Join(errs...)
}

func readCase(node *yaml.Node) (Case, error) {
	c := Case{Line: node.Line}
	if err := knownKeys(node); err != nil {
		return c, err
	}
	var w writtenCase
	if err := node.Decode(&w); err != nil {
		return c, err
	}
	wrong := func(format string, args ...any) (Case, error) {
		return c, fmt.Errorf("line %d: %w", node.Line, fmt.Errorf(format, args...))
	}
	var err error
	c.Name = w.Name
	c.Question = Question{To: w.To, Method: w.Method, Headers: map[string]string{}, ToLabels: w.ToLabels}
	for name, value := range w.Headers {
		c.Question.Headers[strings.ToLower(name)] = value
	}
	if c.Name == "" {
		return wrong("the case has no name")
	}
	if c.Question.From, err = ParseAccount(w.From); err != nil {
		return wrong("from: %w", err)
	}
	if w.SourceIP != "" {
		if c.Question.SourceIP, err = netip.ParseAddr(w.SourceIP); err != nil {
			return wrong("sourceIP: %q is not an IP address", w.SourceIP)
		}
	}
	if err := c.Question.Validate(); err != nil {
		return wrong("%w", err)
	}
	switch w.Expect {
	case "allow":
		c.Allow = true
	case "deny":
	default:
		return wrong("expect is %q; write allow or deny", w.Expect)
	}
	return c, nil
}

// keys are the keys of a case.
var keys = []string{"name", "from", "to", "method", "headers", "sourceIP", "toLabels", "expect"}

// knownKeys returns an error for a node that is not a case, or has a key that cases do not have.
func knownKeys(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: a case is a map with the keys %s", node.Line, strings.Join(keys, ", "))
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if slices.Contains(keys, key.Value) {
			continue
		}
		if meant := mesh.Nearest(key.Value, keys); meant != "" {
			return fmt.Errorf("line %d: a case has no key %q; did you mean %q?", key.Line, key.Value, meant)
		}
		return fmt.Errorf("line %d: a case has no key %q; the keys are %s", key.Line, key.Value, strings.Join(keys, ", "))
	}
	return nil
}
