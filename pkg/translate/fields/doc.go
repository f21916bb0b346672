// Package fields has the support table: a Row for each field of VirtualService and DestinationRule. It has the
// check that reports the dropped fields, and makes the page docs/FIELDS.md. Reading order: fields.go,
// fieldcheck.go, then the rows in virtualservice.go and destinationrule.go.
package fields
