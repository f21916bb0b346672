package wire

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

func TestFields(t *testing.T) {
	text := func(number protowire.Number, value string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), value)
	}
	number := protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 300)
	enough := errors.New("enough")
	for name, test := range map[string]struct {
		message []byte
		want    []string
		fails   bool
	}{
		"nothing":                 {nil, nil, false},
		"in order, repeated":      {slices.Concat(text(3, "a"), text(1, "b"), text(3, "")), []string{"3a", "1b", "3"}, false},
		"numbers are passed over": {slices.Concat(text(1, "a"), number, text(3, "b")), []string{"1a", "3b"}, false},
		"cut in a text":           {slices.Concat(text(1, "a"), text(3, "long")[:4]), []string{"1a"}, true},
		"cut in a number":         {number[:2], nil, true},
		"cut in a tag":            {[]byte{0x80}, nil, true},
		"stopped":                 {slices.Concat(text(1, "stop"), text(1, "a")), []string{"1stop"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			err := Fields(test.message, func(number protowire.Number, value []byte) error {
				got = append(got, fmt.Sprintf("%d%s", number, value))
				if string(value) == "stop" {
					return enough
				}
				return nil
			})
			if (err != nil) != test.fails || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}
