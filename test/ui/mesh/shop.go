package main

import "fmt"

// workload is one pod, and what it calls.
type workload struct {
	namespace, name, version, zone string
	// port is the port that it serves; 0 if it only calls.
	port int
	// failing is the share of calls that it answers with an error.
	failing float64
	calls   []calls
	// id is the ID of its xDS node, if it is not the name of its pod. A client can write anything there.
	id string
}

// calls are calls to a Service.
type calls struct {
	to     string
	port   int
	rate   float64
	unused bool // the client follows the Service and never calls it
}

const port = 50051

// texts are written by clients and by authors of objects: the ID of a node, the reason of a refusal, and a regular expression that is wrong.
type texts struct{ node, refusal, regex string }

func plain() texts {
	return texts{refusal: "this version cannot read the weights of clusters", regex: "/catalog[.]v[12]/(List|Get"}
}

// hostile are texts that a browser would run if the page did not write them as text.
func hostile() texts {
	const script = `<script>document.title='run'</script><img src=x onerror="document.title='run'">`
	return texts{node: script, refusal: "it does not like the weights: " + script, regex: `<img src=x onerror="document.title=1">(`}
}

var shop = []workload{
	{namespace: "shop", name: "web", version: "v7", zone: "zone-a", port: port, calls: []calls{
		{to: "cart.shop", port: port, rate: 40},
		{to: "catalog.shop", port: port, rate: 60},
		{to: "checkout.shop", port: port, rate: 8},
		{to: "recommend.ml", port: port, rate: 12},
	}},
	{namespace: "shop", name: "mobile", version: "v2", zone: "zone-b", port: port, calls: []calls{
		{to: "cart.shop", port: port, rate: 22},
		{to: "catalog.shop", port: port, rate: 35},
	}},
	{namespace: "shop", name: "cart", version: "v3", zone: "zone-a", port: port, calls: []calls{
		{to: "catalog.shop", port: port, rate: 9},
	}},
	{namespace: "shop", name: "catalog", version: "v5", zone: "zone-a", port: port},
	{namespace: "shop", name: "catalog-b", version: "v5", zone: "zone-b", port: port},
	{namespace: "shop", name: "checkout", version: "v1", zone: "zone-b", port: port, calls: []calls{
		{to: "payment.bank", port: port, rate: 20},
		{to: "cart.shop", port: port, rate: 8},
		{to: "mailer.shop", port: port, unused: true},
	}},
	{namespace: "shop", name: "mailer", version: "v1", zone: "zone-a", port: port},
	{namespace: "bank", name: "payment-v1", version: "v1", zone: "zone-a", port: port, calls: []calls{
		{to: "ledger.bank", port: port, rate: 16},
	}},
	{namespace: "bank", name: "payment-v2", version: "v2", zone: "zone-b", port: port, failing: 0.4, calls: []calls{
		{to: "ledger.bank", port: port, rate: 2},
	}},
	{namespace: "bank", name: "ledger", version: "v1", zone: "zone-a", port: port},
	{namespace: "ml", name: "recommend", version: "v9", zone: "zone-b", port: port, calls: []calls{
		{to: "catalog.shop", port: port, rate: 4},
	}},
	{namespace: "ops", name: "prober", version: "v1", zone: "zone-a", calls: []calls{
		{to: "cart.shop", port: port, rate: 1},
	}},
}

// address is the loopback address of a workload, which is also the address of its pod.
func address(i int) string { return fmt.Sprintf("127.86.0.%d", i+1) }
