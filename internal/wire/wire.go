// Package wire splits encoded protobuf messages into fields, where decoding the whole message would cost too much.
package wire

import "google.golang.org/protobuf/encoding/protowire"

// Fields calls field for each length-delimited field of a message (text, bytes or a message), in encoded order, and
// skips the others. The values are slices of b. It fails if b is malformed, or with the first error that field
// returns.
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
