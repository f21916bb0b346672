// Package fields is the support table: what becomes of each field of VirtualService and DestinationRule. It has the check that
// reports the fields that are dropped, and the page docs/FIELDS.md.
package fields
