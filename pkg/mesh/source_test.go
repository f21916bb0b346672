package mesh

import "testing"

func TestSourceAt(t *testing.T) {
	source := &Source{File: "a.yaml", Line: 3, Fields: map[string]int{
		"spec": 5, "spec.http": 6, "spec.http[1]": 9, "spec.http[1].match[0].headers.x-user": 12, "metadata.annotations.mizzen.dev/lb": 4,
	}}
	tests := map[string]struct {
		source *Source
		field  string
		want   string
	}{
		"the object":               {source, "", "a.yaml:3"},
		"a field":                  {source, "spec.http", "a.yaml:6"},
		"an item":                  {source, "spec.http[1]", "a.yaml:9"},
		"what is not written":      {source, "spec.http[1].timeout", "a.yaml:9"},
		"an item that is not kept": {source, "spec.http[0].match[2]", "a.yaml:6"},
		"the entry of a map":       {source, "spec.http[1].match[0].headers[x-user].regex", "a.yaml:12"},
		"a key with dots":          {source, "metadata.annotations[mizzen.dev/lb]", "a.yaml:4"},
		"another part":             {source, "status.x", "a.yaml:3"},
		"no line":                  {&Source{File: "b.yaml"}, "spec", "b.yaml"},
		"a cluster":                {nil, "spec", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.source.At(test.field); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
