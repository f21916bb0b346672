// Package fields has the support table: a Row for each field of VirtualService, DestinationRule and the Gateway API. It has the
// check that reports the dropped fields, and makes the page docs/FIELDS.md. Reading order: fields.go,
// fieldcheck.go, routecheck.go (the same for the Gateway API), then the rows in virtualservice.go, destinationrule.go, grpcroute.go, httproute.go and backendtlspolicy.go. servers.go is the same for the kinds that
// configure servers, whose rows are in authorizationpolicy.go, peerauthentication.go and requestauthentication.go.
package fields
