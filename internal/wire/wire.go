// Package wire splits encoded protobuf messages into fields, where decoding the whole message would cost too much.
package wire

import "google.golang.org/protobuf/encoding/protowire"

// Fields calls field for each length-delimited field of a message (text, bytes or a message), in encoded order, and
// skips the others. The values are slices of b. It fails if b is malformed, or with the first error that field
// returns.
func Fields(b []byte, field func(number protowire.Number, value []byte) error) error {
	return All(b, field, nil)
}

// All is Fields, and calls number for each integer. number may be nil.
func All(b []byte, field func(number protowire.Number, value []byte) error, number func(number protowire.Number, value uint64)) error {
	for len(b) > 0 {
		tag, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		switch {
		case wire == protowire.BytesType:
			value, n := protowire.ConsumeBytes(b)
			if n < 0 {
				return protowire.ParseError(n)
			}
			b = b[n:]
			if err := field(tag, value); err != nil {
				return err
			}
		case wire == protowire.VarintType && number != nil:
			value, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return protowire.ParseError(n)
			}
			b = b[n:]
			number(tag, value)
		default:
			if n = protowire.ConsumeFieldValue(tag, wire, b); n < 0 {
				return protowire.ParseError(n)
			}
			b = b[n:]
		}
	}
	return nil
}
