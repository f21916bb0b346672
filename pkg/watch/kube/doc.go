// Package kube reads the objects of a Kubernetes cluster.
//
// A Feed has one informer for each kind and namespace. An informer is client-go's reflector over a store that keeps
// only the keys of objects: values go to the inbox, and from there to the assembler. If the API server cannot be
// reached, what is known stays, and requests are repeated until they succeed.
//
// Reading order: feed.go, informer.go (from an object to the inbox), connection.go (lists and watches, and how their
// errors are handled), apiconnection.go (whether the cluster can be read), presence.go (kinds whose definition appears
// late), client.go (clients without client-go's clientset), list.go (the objects of a cluster, once), remotes.go and kubeconfig.go
// (the Secrets of remote clusters).
package kube
