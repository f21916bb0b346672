// Package policy finds the settings of a DestinationRule and of annotations that apply to one port and one subset of a host.
package policy
