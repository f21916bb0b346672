//go:build !nodemo

package main

import (
	"context"

	"github.com/mizzen-mesh/mizzen/internal/demo"
)

// demoPlayer plays the scenario in this process.
func demoPlayer(std stdio) (func(context.Context, demoScene) error, error) {
	return func(ctx context.Context, s demoScene) error {
		return demo.Run(ctx, demo.Options{
			Out: std.out, Interactive: s.interactive, Step: s.step,
			Folder: s.folder, Addresses: demo.Addresses{XDS: s.addresses.xds, Admin: s.addresses.admin},
		})
	}, nil
}
