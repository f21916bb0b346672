// Package object defines the kinds of objects that are watched, and what is kept of each object.
//
// A kind is a row of Kinds: its resource, how its objects become values, how values are stored, and who writes it. A
// new kind needs a row, a converter and a codec here, and possibly an index in package assemble.
//
// Reading order: object.go (keys and values), kinds.go (the rows), then the converters: convertcore.go for Services,
// pods and nodes, convertinjection.go for what injection concerns, convertendpoints.go for EndpointSlices and Endpoints, convertistio.go for VirtualServices and
// DestinationRules, route.go with routecompiler.go, grpcroute.go, httproute.go and backendtlspolicy.go for the Gateway API, convertsecurity.go with podscope.go and closed.go for the objects that configure servers; annotations.go and topology.go read what several of them have. state.go is the format of stored
// objects, and codecs.go the stored form of each value. Values are immutable once they are converted.
package object
