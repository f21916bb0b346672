package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/xds/bootstrap"
)

func main() {
	dir := flag.String("dir", "", "`DIR` to write the objects to")
	xds := flag.String("xds", "127.0.0.1:15010", "`HOST:PORT` of the control plane")
	services := flag.Int("services", 0, "`number` of services of a large mesh; 0 is the shop")
	clients := flag.Int("clients", 0, "`number` of clients of a large mesh")
	attack := flag.Bool("hostile", false, "give clients and objects of the shop texts that a browser would run if the page did not write them as text")
	flag.Parse()
	said := plain()
	if *attack {
		said = hostile()
	}
	if err := run(*dir, *xds, *services, *clients, said); err != nil {
		fmt.Fprintln(os.Stderr, "mesh:", err)
		os.Exit(1)
	}
}

func run(dir, xds string, services, clients int, said texts) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	text, start := shopObjects(said.regex), func(ctx context.Context, xds string) error { return runShop(ctx, xds, said) }
	if services > 0 {
		large := large{services: services, clients: clients}
		text, start = large.objects(), large.run
	}
	if err := os.WriteFile(filepath.Join(dir, "mesh.yaml"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the objects: %w", err)
	}
	fmt.Println("written") // the caller starts the control plane then
	if err := start(ctx, xds); ctx.Err() == nil {
		return err
	}
	return nil
}

func runShop(ctx context.Context, xds string, said texts) error {
	bootstrap.RegisterChannelCredentials(fromAddress{})
	group, ctx := errgroup.WithContext(ctx)
	for i, w := range shop {
		if w.name == "prober" {
			w.id = said.node
		}
		group.Go(func() error { return runBackend(ctx, i, w) })
		group.Go(func() error { return runClient(ctx, xds, i, w) })
	}
	group.Go(func() error { return runRefuser(ctx, xds, said.refusal) })
	return group.Wait()
}
