// Package watch turns a source of objects, a Kubernetes cluster or a folder of YAML, into a stream of mesh.Worlds.
//
// A Source owns all of its work inside Run. It converts each object to a small value (convert.go), hands the values to an
// assembler, and sends the World that the assembler makes of them. A World shares with the one before it every part
// that did not change, down to the pointer: that is how the stages behind tell a change from a repetition. Objects are
// matched to hosts here, in order of precedence; what a field means is the translator's business.
//
// What an author got wrong becomes a mesh.Problem on the object and costs the smallest unit that contains it. A source that
// cannot be read, be it an API server that is gone or a folder that vanished, leaves the last World standing.
//
// Read source.go and object.go first, then assemble.go: bind.go takes its steps, endpoints.go and merge.go find addresses,
// policies.go and routes.go find what holds for a host. The sources are kube.go and file.go; load.go reads files once, and
// parse.go says what becomes of their text.
package watch
