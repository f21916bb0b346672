// Package examples builds the examples of all languages and has every client call every server, over routes of a real control plane.
// Its tests have the build tag interop. `make examples` runs them.
//
// What is built and started are the Dockerfiles: the commands, copies and entry points in them are carried out with the tools of this
// machine, since base images cannot be had everywhere. What runs is configured by the manifests.
package examples
