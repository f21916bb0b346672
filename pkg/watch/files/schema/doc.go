// Package schema reads YAML as an API server would: by the fields and types of the API, which it takes from Go types
// and protobuf messages. An unknown field is reported and dropped; a value of another type is an error with its line.
//
// Reading order: reader.go (YAML nodes to plain values), schema.go (what is allowed at one place), scalar.go (single
// values).
package schema
