// Package wire takes encoded messages of protocol buffers apart where to decode them whole costs too much.
package wire

import "google.golang.org/protobuf/encoding/protowire"

// Fields calls field with each field of a message that is text, bytes or a message itself, in the order in which they stand. Numbers are
// passed over. Values are parts of b.
func Fields(b []byte, field func(number protowire.Number, value []byte) error) error {
	for len(b) > 0 {
		number, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if wire != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, wire, b); n < 0 {
				return protowire.ParseError(n)
			}
			b = b[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := field(number, value); err != nil {
			return err
		}
	}
	return nil
}
