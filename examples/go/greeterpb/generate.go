// Package greeterpb is the code generated from greeter.proto. To generate it again, install protoc, protoc-gen-go and
// protoc-gen-go-grpc, and run `go generate ./...`.
package greeterpb

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative greeter.proto
