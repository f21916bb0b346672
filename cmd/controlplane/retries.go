package main

import (
	"errors"

	"github.com/spf13/pflag"
)

// The values of --default-retries.
const (
	retriesIstio = "istio"
	retriesOff   = "off"
)

// retriesFlag is the default for routes without retries. The zero value is Istio's policy.
type retriesFlag struct{ off bool }

var _ pflag.Value = (*retriesFlag)(nil)

// Set parses the flag's text.
func (f *retriesFlag) Set(text string) error {
	switch text {
	case retriesIstio, retriesOff:
		f.off = text == retriesOff
		return nil
	}
	return errors.New("it is one of istio, off")
}

// String returns the flag's text.
func (f *retriesFlag) String() string {
	if f.off {
		return retriesOff
	}
	return retriesIstio
}

// Type returns the form of the flag for its help.
func (f *retriesFlag) Type() string { return retriesIstio + "|" + retriesOff }
