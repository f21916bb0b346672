//go:build spring

package spring

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/test/spring/provider"
)

// toV2 routes calls that match to v2, and all others to v1.
func toV2(match string) string {
	return virtualService("- {match: [" + match + "], route: [{destination: {host: NAME, subset: v2}}]}\n- route: [{destination: {host: NAME, subset: v1}}]")
}

// route has fields for all calls.
func route(fields string) string {
	return virtualService("- route: [{destination: {host: NAME}}]\n" + indent(fields))
}

const both = "a:v1 b:v2"

var scenarios = []*scenario{
	{
		name: "split", about: "calls follow the weights 90 and 10 within five standard deviations",
		pods: both, rules: split(90, 10),
		play: func(s *scene) {
			outcomes := s.do(call{URL: "/A", Count: 1000, Parallel: 4})
			s.answered(outcomes)
			s.share(outcomes, "v2", ofVersion("v2"), 0.1)
		},
	},
	{
		name: "change", about: "new weights are followed within two seconds",
		pods: both, rules: split(100, 0),
		play: func(s *scene) {
			s.version(call{URL: "/A"}, "v1")
			s.rules(split(0, 100))
			s.follows(call{URL: "/A"}, "everything to v2", ofVersion("v2"))
			s.share(s.do(call{URL: "/A", Count: 50}), "v2", ofVersion("v2"), 1)
		},
	},
	{
		name: "headers", about: "a header chooses the route: exact, prefix, regex, without",
		pods: both,
		rules: toV2(`{headers: {x-lane: {exact: gray}}}, {headers: {x-build: {prefix: "2."}}}, {headers: {x-user: {regex: "[0-9]+"}}},
  {headers: {x-any: {}}, withoutHeaders: {x-old: {exact: "yes"}}}`),
		play: func(s *scene) {
			for _, c := range []struct{ name, value, want string }{
				{"x-lane", "gray", "v2"},
				{"x-lane", "graying", "v1"},
				{"x-build", "2.7", "v2"},
				{"x-build", "3.2.", "v1"},
				{"x-user", "4711", "v2"},
				{"x-user", "u4711", "v1"},
				{"x-any", "thing", "v2"},
				{"x-other", "thing", "v1"},
			} {
				s.version(call{URL: "/A", Headers: map[string]string{c.name: c.value}}, c.want)
			}
			s.version(call{URL: "/A", Headers: map[string]string{"x-any": "thing", "x-old": "yes"}}, "v1")
		},
	},
	{
		name: "cookie", about: "a cookie chooses the route",
		pods: both, rules: toV2(`{headers: {cookie: {regex: "(.*;\\s*)?lane=gray(;.*)?"}}}`),
		play: func(s *scene) {
			s.version(call{URL: "/A", Headers: map[string]string{"Cookie": "a=b; lane=gray"}}, "v2")
			s.version(call{URL: "/A", Headers: map[string]string{"Cookie": "a=b; lane=base"}}, "v1")
		},
	},
	{
		name: "method", about: "the method chooses the route",
		pods: both, rules: toV2("{method: {exact: POST}}, {method: {regex: PUT|DELETE}}"),
		play: func(s *scene) {
			for method, want := range map[string]string{"GET": "v1", "POST": "v2", "PUT": "v2", "DELETE": "v2"} {
				s.version(call{URL: "/A", Method: method}, want)
			}
		},
	},
	{
		name: "query", about: "a query parameter chooses the route",
		pods: both, rules: toV2(`{queryParams: {v: {exact: "2"}}}, {queryParams: {user: {regex: "\\d+"}}}`),
		play: func(s *scene) {
			for query, want := range map[string]string{"": "v1", "?v=2": "v2", "?v=21": "v1", "?a=b&v=2": "v2", "?user=4711": "v2", "?user=me": "v1"} {
				s.version(call{URL: "/A" + query}, want)
			}
		},
	},
	{
		name: "path", about: "the path chooses the route: exact, prefix, regex, in any case",
		pods:  both,
		rules: toV2(`{uri: {exact: /exact}}, {uri: {prefix: /api/}}, {uri: {regex: "/items/[0-9]+"}}, {uri: {exact: /CASE}, ignoreUriCase: true}`),
		play: func(s *scene) {
			for path, want := range map[string]string{
				"/exact": "v2", "/exact/more": "v1", "/exact?q=1": "v2", "/api/x": "v2", "/api": "v1", "/items/12": "v2", "/items/x": "v1", "/case": "v2",
			} {
				s.version(call{URL: path}, want)
			}
		},
	},
	{
		name: "source", about: "rules for the labels and the namespace of the application that calls",
		pods: both, rules: toV2("{sourceLabels: {app: shop-front}, sourceNamespace: " + namespace + ", uri: {prefix: /mine}}, {sourceLabels: {app: other}}"),
		play: func(s *scene) {
			s.version(call{URL: "/mine"}, "v2")
			s.version(call{URL: "/A"}, "v1")
		},
	},
	{
		name: "no-route", about: "a call that no rule matches fails, and no pod gets it",
		pods: both, rules: virtualService("- {match: [{uri: {prefix: /only}}], route: [{destination: {host: NAME}}]}"),
		play: func(s *scene) {
			s.status(call{URL: "/only"}, 200)
			s.fails(s.get())
		},
	},
	{
		name: "redirect", about: "the application gets the redirect of the rule, and no pod is called",
		pods: both, rules: virtualService(`- {match: [{uri: {prefix: /old}}], redirect: {uri: /new, authority: other.example, redirectCode: 307}}
- route: [{destination: {host: NAME}}]`),
		play: func(s *scene) {
			o := s.status(call{URL: "/old"}, 307)
			if got, want := o.header("location"), "http://other.example/new"; got != want {
				s.t.Errorf("got the location %q, want %q", got, want)
			}
			s.status(call{URL: "/A"}, 200)
		},
	},
	{
		name: "direct", about: "the rule's status and body are the answer, and no pod is called",
		pods: both, rules: virtualService("- directResponse: {status: 418, body: {string: closed}}"),
		play: func(s *scene) {
			if o := s.status(call{URL: "/A"}, 418); o.Body != "closed" {
				s.t.Errorf("got the body %q, want closed", o.Body)
			}
			if n := s.takeAll(); n > 0 {
				s.t.Errorf("pods got %d requests, want none", n)
			}
		},
	},
	{
		name: "rewrite", about: "the path is rewritten: by prefix and by expression",
		pods: "a:v1", rules: virtualService(`- {match: [{uri: {prefix: /api/}}], rewrite: {uri: /}, route: [{destination: {host: NAME}}]}
- {match: [{uri: {prefix: /rx/}}], rewrite: {uriRegexRewrite: {match: "/rx/(.*)", rewrite: '/by/\1'}}, route: [{destination: {host: NAME}}]}`),
		play: func(s *scene) {
			o := s.status(call{URL: "/api/items?x=1"}, 200)
			if a := o.answer(); a.Path != "/items" || a.Query != "x=1" {
				s.t.Errorf("the pod got %+v, want /items?x=1", a)
			}
			if a := s.status(call{URL: "/rx/c"}, 200).answer(); a.Path != "/by/c" {
				s.t.Errorf("the pod got %q, want /by/c", a.Path)
			}
		},
	},
	{
		name: "authority", about: "the authority is rewritten: the pod sees it as Host",
		pods: "a:v1", rules: route("rewrite: {authority: b.example}"),
		play: func(s *scene) {
			if a := s.status(call{URL: "/A"}, 200).answer(); a.Host != "b.example" {
				s.t.Errorf("the pod got the host %q, want b.example", a.Host)
			}
		},
		except: whys(except([]string{"2023.0 RestClient"}, "RestClient of Spring 6.1 uses the JDK's client, which refuses the header Host"),
			except([]string{"starter RestTemplate", "starter Feign"}, "without the agent HttpURLConnection sends another Host header only with -Dsun.net.http.allowRestrictedHeaders=true")),
	},
	{
		name: "edits", about: "headers of requests and responses are set, added and removed",
		pods: "a:v1", rules: virtualService(`- route: [{destination: {host: NAME}, headers: {request: {set: {x-set: "1"}}, response: {set: {x-by: mesh}}}}]
  headers: {request: {add: {x-add: "2"}, remove: [x-gone]}, response: {remove: [x-pod]}}`),
		play: func(s *scene) {
			o := s.status(call{URL: "/A", Headers: map[string]string{"x-gone": "here", "x-set": "0", "x-kept": "3"}}, 200)
			got := o.answer().Headers
			for name, want := range map[string]string{"x-set": "1", "x-add": "2", "x-gone": "", "x-kept": "3"} {
				if got[name] != want {
					s.t.Errorf("the pod got %s: %q, want %q", name, got[name], want)
				}
			}
			if o.header("x-by") != "mesh" || o.header("x-pod") != "" {
				s.t.Errorf("the application got %v, want x-by: mesh and no x-pod", o.Headers)
			}
		},
	},
	{
		name: "body", about: "the body of a request arrives",
		pods: "a:v1",
		play: func(s *scene) { s.sent(5000) },
	},
	{
		name: "body-again", about: "a request with a body is sent again",
		pods: "a:v1", rules: route("retries: {attempts: 2, retryOn: 5xx}"),
		play: func(s *scene) {
			s.pod("a").Fail(provider.Fault{}, provider.Fault{Status: 503})
			s.sent(5000)
		},
	},
	{
		name: "body-long", about: "a body that is too long to be kept arrives, with rules for retries and mirrors, too",
		pods: both, rules: virtualService("- route: [{destination: {host: NAME, subset: v1}}]\n  mirror: {host: NAME, subset: v2}\n  timeout: 30s\n  retries: {attempts: 2, retryOn: 5xx}"),
		play: func(s *scene) { s.sent(100_000) },
	},
	{
		name: "stream", about: "events of a response are passed on as they come, with rules for timeouts and retries, too",
		pods: "a:v1", rules: route("timeout: 30s\nretries: {attempts: 2, perTryTimeout: 20s, retryOn: 5xx}"),
		play: func(s *scene) {
			held := make(chan struct{})
			release := sync.OnceFunc(func() { close(held) })
			defer release()
			s.pod("a").Fail(provider.Fault{}, provider.Fault{Event: "first", Until: held})
			limited := http.Client{Timeout: patience}
			response := must(limited.Get("http://127.0.0.1:" + s.app.port + "/" + s.name + "/A"))(s.t)
			defer response.Body.Close()
			body := bufio.NewReader(response.Body)
			if line := must(body.ReadString('\n'))(s.t); line != "data: first\n" {
				s.t.Errorf("got %q while the pod answers, want the first event", line)
			}
			release()
			if rest := must(io.ReadAll(body))(s.t); !strings.Contains(string(rest), `"pod":"a"`) {
				s.t.Errorf("got %q after the first event, want the rest of the answer", rest)
			}
		},
		except: whys(except(libraries, "the application reads the whole response"), except([]string{"zuul", "2023.0 gateway-mvc"}, "the gateway itself sends a response in pieces of 8 KiB")),
	},
	{
		name: "timeout", about: "a call ends when the time of its rule is over",
		pods: "a:v1", rules: route("timeout: 1s"),
		play: func(s *scene) {
			s.status(call{URL: "/A"}, 200)
			s.pod("a").Fail(provider.Fault{Delay: 5 * time.Second})
			s.ends(s.get(), 900, 3500)
		},
	},
	{
		name: "per-try-timeout", about: "an attempt ends when its time is over, and the next one answers",
		pods: "a:v1", rules: route("timeout: 10s\nretries: {attempts: 2, perTryTimeout: 700ms, retryOn: 5xx}"),
		play: func(s *scene) {
			s.status(call{URL: "/A"}, 200)
			s.pod("a").Fail(provider.Fault{}, provider.Fault{Delay: 5 * time.Second})
			if o := s.status(call{URL: "/A"}, 200); o.Millis < 600 || o.Millis > 3500 {
				s.t.Errorf("got an answer after %.0f ms, want one after 700 ms", o.Millis)
			}
		},
	},
	{
		name: "retries", about: "a call is made again as often as the rule says, and for the statuses that it names",
		pods: "a:v1", rules: route(`retries: {attempts: 3, retryOn: "5xx,409"}`),
		play: func(s *scene) {
			s.status(call{URL: "/A"}, 200)
			s.takeAll()
			for _, c := range []struct{ status, times, want, requests int }{{503, 3, 200, 4}, {500, 4, 500, 4}, {409, 1, 200, 2}, {404, 1, 404, 1}} {
				s.pod("a").Fail(provider.Fault{}, slices.Repeat([]provider.Fault{{Status: c.status}}, c.times)...)
				s.status(call{URL: "/A"}, c.want)
				if n := s.takeAll(); n != c.requests {
					s.t.Errorf("%d failures with status %d: the pod got %d requests, want %d", c.times, c.status, n, c.requests)
				}
				s.pod("a").Fail(provider.Fault{})
			}
		},
	},
	{
		name: "default-retries", about: "without a rule an answer is never asked for again, whatever its status",
		pods: "a:v1",
		play: func(s *scene) {
			s.status(call{URL: "/A"}, 200)
			for _, method := range []string{"GET", "POST"} {
				s.pod("a").Fail(provider.Fault{}, provider.Fault{Status: 503})
				s.status(call{URL: "/A", Method: method}, 503)
			}
		},
	},
	{
		name: "refused", about: "a pod that refuses connections makes no call fail, not even a POST",
		pods: "a:v1 b:v1",
		play: func(s *scene) {
			if err := s.pod("b").Refuse(); err != nil {
				s.t.Fatal(err)
			}
			s.answered(s.do(call{URL: "/A", Count: 40}))
			s.answered(s.do(call{URL: "/A", Method: "POST", Count: 40}))
		},
	},
	{
		name: "abort", about: "half of the calls are answered with the status of the fault",
		pods: "a:v1", rules: route("fault: {abort: {httpStatus: 418, percentage: {value: 50}}}"),
		play: func(s *scene) {
			outcomes := s.do(call{URL: "/A", Count: 400, Parallel: 4})
			s.share(outcomes, "status 418", func(o outcome) bool { return o.Status == 418 }, 0.5)
			for _, o := range outcomes {
				if o.Status != 418 && o.Status != 200 {
					s.t.Errorf("got %v, want status 200 or 418", o)
				}
			}
		},
	},
	{
		name: "delay", about: "calls are delayed by the fault",
		pods: "a:v1", rules: route("fault: {delay: {fixedDelay: 400ms, percentage: {value: 100}}}"),
		play: func(s *scene) {
			s.status(call{URL: "/A"}, 200)
			if o := s.status(call{URL: "/A"}, 200); o.Millis < 390 || o.Millis > 3000 {
				s.t.Errorf("it took %.0f ms, want 400", o.Millis)
			}
		},
	},
	{
		name: "mirror", about: "another version gets a copy of each call, and its answers are dropped",
		pods: both, rules: mirrored,
		play: func(s *scene) { s.copied(call{URL: "/A?x=1", Count: 20}) },
	},
	{
		name: "mirror-body", about: "the copy has the body, too",
		pods: both, rules: mirrored,
		play: func(s *scene) { s.copied(call{URL: "/A?x=1", Method: "POST", Body: "text", Count: 20}) },
	},
	{
		name: "hash", about: "calls with one header value go to one pod, and calls with others to all",
		pods: "a:v1 b:v1 c:v1", rules: destinationRule("trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}"),
		play: func(s *scene) {
			s.hashed(func(key string) call { return call{URL: "/A", Headers: map[string]string{"x-user": key}} })
		},
	},
	{
		name: "hash-query", about: "the same for a query parameter",
		pods: "a:v1 b:v1 c:v1", rules: destinationRule("trafficPolicy: {loadBalancer: {consistentHash: {httpQueryParameterName: user}}}"),
		play: func(s *scene) { s.hashed(func(key string) call { return call{URL: "/A?user=" + key} }) },
	},
	{
		name: "balance", about: "calls are spread over all pods",
		pods: "a:v1 b:v1 c:v1 d:v1", rules: destinationRule("trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}"),
		play: func(s *scene) {
			outcomes := s.do(call{URL: "/A", Count: 200})
			for pod := range s.spec {
				s.share(outcomes, pod, func(o outcome) bool { return o.answer().Pod == pod }, 0.25)
			}
		},
	},
	{
		name: "outlier", about: "a pod that fails is ejected: calls are answered by the others",
		pods: "a:v1 b:v1", rules: route("retries: {attempts: 0}") + "---\n" +
			strings.Replace(destinationRule("trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3, interval: 500ms, baseEjectionTime: 60s, maxEjectionPercent: 50}}"), "name: NAME,", "name: NAME-outlier,", 1),
		play: func(s *scene) {
			s.pod("b").Fail(provider.Fault{Status: 500})
			eventually(s.t, 10*time.Second, func() error {
				if n := count(s.do(call{URL: "/A", Count: 20}), failed); n > 0 {
					return fmt.Errorf("%d of 20 calls failed", n)
				}
				return nil
			})
			s.answered(s.do(call{URL: "/A", Count: 50}))
		},
	},
	{
		name: "limit", about: "a call beyond http2MaxRequests fails at once",
		pods: "a:v1", rules: route("retries: {attempts: 0}") + "---\n" +
			strings.Replace(destinationRule("trafficPolicy: {connectionPool: {http: {http2MaxRequests: 1}}}"), "name: NAME,", "name: NAME-limit,", 1),
		play: func(s *scene) {
			held := make(chan struct{})
			release := sync.OnceFunc(func() { close(held) })
			defer release()
			s.pod("a").Fail(provider.Fault{}, provider.Fault{Until: held})
			first := make(chan []outcome, 1)
			go func() { first <- s.do(call{URL: "/A"}) }()
			eventually(s.t, patience, func() error {
				if len(s.pod("a").Take()) == 0 {
					return fmt.Errorf("the pod has no call")
				}
				return nil
			})
			if outcomes := s.do(call{URL: "/A", Count: 3}); count(outcomes, failed) != 3 {
				s.t.Errorf("beside a call in flight: got %v, want 3 failures", outcomes)
			}
			release()
			s.answered(<-first)
			s.status(call{URL: "/A"}, 200)
		},
	},
	{
		name: "subset", about: "a subset without a VirtualService's weight: all calls go to its pods",
		pods: "a:v1 b:v2 c:v2", rules: virtualService("- route: [{destination: {host: NAME, subset: v2}}]"),
		play: func(s *scene) {
			outcomes := s.do(call{URL: "/A", Count: 40})
			s.share(outcomes, "v2", ofVersion("v2"), 1)
		},
	},
	{
		name: "locality", about: "calls stay in the zone of the application, then in its region, and come back",
		pods: "a:v1@zone-1 b:v1@zone-2", rules: destinationRule("trafficPolicy: {loadBalancer: {localityLbSetting: {enabled: true}}, outlierDetection: {consecutive5xxErrors: 100}}"),
		play: func(s *scene) {
			s.share(s.do(call{URL: "/A", Count: 40}), "zone-1", ofPod("a"), 1)
			a := s.remove("a")
			s.publish()
			s.follows(call{URL: "/A"}, "the pod in zone-2", ofPod("b"))
			s.add("a2", podSpec{version: "v1", zone: "zone-1"})
			s.publish()
			s.follows(call{URL: "/A"}, "back in zone-1", ofPod("a2"))
			_ = a.Refuse()
		},
	},
	{
		name: "gone", about: "a pod is removed under load, and no call fails",
		pods: "a:v1 b:v1",
		play: func(s *scene) {
			s.status(call{URL: "/A"}, 200)
			stop := s.load(call{URL: "/A"})
			b := s.remove("b")
			s.publish()
			quiet(s.t, func() int { return len(b.Take()) })
			if err := b.Refuse(); err != nil {
				s.t.Error(err)
			}
			s.answered(s.do(call{URL: "/A", Count: 40}))
			if stop() == 0 {
				s.t.Error("the load made no calls")
			}
		},
	},
	{
		name: "rollout", about: "all pods are replaced, one after another, under load, and no call fails",
		pods: "a:v1 b:v1",
		play: func(s *scene) {
			s.status(call{URL: "/A"}, 200)
			stop := s.load(call{URL: "/A", Method: "POST"})
			for _, name := range []string{"a", "b"} {
				s.add(name+"-new", podSpec{version: "v2"})
				s.publish()
				old := s.remove(name)
				s.publish()
				quiet(s.t, func() int { return len(old.Take()) })
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				if err := old.Drain(ctx); err != nil {
					s.t.Error(err)
				}
				cancel()
			}
			stop()
			s.share(s.do(call{URL: "/A", Count: 20}), "v2", ofVersion("v2"), 1)
		},
	},
	{
		name: "empty", about: "a service without endpoints fails as Spring does without instances",
		play: func(s *scene) { s.fails(s.get()) },
	},
	{
		name: "created", about: "a service that is empty at first answers once it has a pod",
		play: func(s *scene) {
			s.fails(s.get())
			s.add("a", podSpec{version: "v1"})
			s.publish()
			s.follows(call{URL: "/A"}, "the new pod", ofPod("a"))
		},
	},
	{
		name: "port", about: "the port of the URI chooses the port of the Service",
		ports: "[{name: http, port: 80}, {name: http-admin, port: 8081}]", pods: "a:v1 b:v2#http-admin",
		play: func(s *scene) {
			s.version(call{URL: "/A"}, "v1")
			s.version(call{URL: "http://" + s.name + ":8081/A"}, "v2")
			s.version(call{URL: "http://" + s.name + ":80/A"}, "v1")
		},
		except: except(gateways, "a gateway calls the services that its own routes name"),
	},
	{
		name: "unknown-port", about: "a port that the mesh does not know is left to the registry, and no pod of the mesh is called past its rules",
		pods: both, rules: split(100, 0),
		play: func(s *scene) {
			s.version(call{URL: "/A"}, "v1")
			s.takeAll()
			for _, o := range s.do(call{URL: "http://" + s.name + ":7000/A", Count: 5}) {
				s.fails(o)
			}
			if n := s.takeAll(); n > 0 {
				s.t.Errorf("pods got %d requests, want none", n)
			}
		},
		except: except(gateways, "a gateway calls the services that its own routes name"),
	},
	{
		name: "names", about: "a Service is found by NAME.NAMESPACE and by its whole name",
		pods: "a:v1",
		play: func(s *scene) {
			for _, suffix := range []string{"." + namespace, "." + namespace + ".svc", "." + namespace + ".svc.cluster.local"} {
				s.version(call{URL: "http://" + s.name + suffix + "/A"}, "v1")
			}
		},
		except: except(gateways, "a gateway calls the services that its own routes name"),
	},
	{
		name: "unknown", about: "a name that neither the mesh nor a registry knows fails as without the agent",
		pods: "a:v1",
		play: func(s *scene) {
			s.fails(s.once(call{URL: "http://nobody/A"}))
			s.version(call{URL: "/A"}, "v1")
		},
	},
	{
		name: "discovery", about: "DiscoveryClient returns the pods of the mesh",
		pods: "a:v1 b:v2",
		play: func(s *scene) {
			if s.library != "RestTemplate" {
				return // it is the application's, not the client's
			}
			want := []string{s.pod("a").Address(), s.pod("b").Address()}
			slices.Sort(want)
			eventually(s.t, 10*time.Second, func() error {
				var got []string
				if err := s.app.get("/instances?service="+s.name, &got); err != nil {
					return err
				}
				if slices.Sort(got); !slices.Equal(got, want) {
					return fmt.Errorf("got the instances %v, want %v", got, want)
				}
				return nil
			})
		},
	},
	{
		name: "lane", about: "the lane of a request that the application received goes on with the calls that it makes",
		pods: both, rules: toV2(`{headers: {baggage: {regex: "(.*,)?\\s*lane=gray\\s*(,.*)?"}}}`),
		play: func(s *scene) {
			if o := s.once(call{URL: "/A", inbound: map[string]string{"baggage": "lane=gray"}}); !ofVersion("v2")(o) {
				s.t.Errorf("in the lane: got %v, want v2", o)
			}
			s.version(call{URL: "/A"}, "v1")
		},
	},
}

// gateways and libraries are all clients.
var (
	gateways  = []string{"gateway", "gateway-mvc", "zuul"}
	libraries = []string{"RestTemplate", "RestClient", "WebClient", "Feign"}
)

// whys has all reasons.
func whys(all ...map[string]string) map[string]string {
	one := map[string]string{}
	for _, some := range all {
		maps.Copy(one, some)
	}
	return one
}

// except is why clients cannot play a scenario.
func except(clients []string, why string) map[string]string {
	all := map[string]string{}
	for _, c := range clients {
		all[c] = why
	}
	return all
}

var mirrored = virtualService("- route: [{destination: {host: NAME, subset: v1}}]\n  mirror: {host: NAME, subset: v2}")

// sent fails unless the body of a request arrives.
func (s *scene) sent(length int) {
	s.t.Helper()
	text := strings.Repeat("0123456789abcdef", length/16)
	o := s.status(call{URL: "/A", Method: "POST", Body: text, Headers: map[string]string{"Content-Type": "text/plain"}}, 200)
	if got := o.answer().Body; got != text {
		s.t.Errorf("the pod got %d bytes, want %d", len(got), len(text))
	}
}

// copied fails unless all calls are answered by v1, and v2 gets a copy of each.
func (s *scene) copied(c call) {
	s.t.Helper()
	s.share(s.do(c), "v1", ofVersion("v1"), 1)
	var copies []provider.Answer
	eventually(s.t, 10*time.Second, func() error {
		if copies = append(copies, s.pod("b").Take()...); len(copies) < c.Count {
			return fmt.Errorf("v2 got %d copies, want %d", len(copies), c.Count)
		}
		return nil
	})
	if got := copies[0]; got.Method != c.method() || got.Path != "/A" || got.Query != "x=1" || got.Body != c.Body {
		s.t.Errorf("v2 got %+v, want the call as it was", got)
	}
}

func ofPod(name string) func(outcome) bool {
	return func(o outcome) bool { return o.Status == 200 && o.answer().Pod == name }
}

// pod returns a running pod.
func (s *service) pod(name string) *provider.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pods[name]
}

// takeAll returns how many requests all pods got.
func (s *service) takeAll() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for pod := range maps.Values(s.pods) {
		n += len(pod.Take())
	}
	return n
}

// ends fails unless a call ended without an answer of a pod, within a time.
func (s *scene) ends(o outcome, from, to float64) {
	s.t.Helper()
	if !failed(o) || o.Millis < from || o.Millis > to {
		s.t.Errorf("got %v, want a failure after %.0f to %.0f ms", o, from, to)
	}
}

// hashed fails unless each key has its pod.
func (s *scene) hashed(keyed func(key string) call) {
	s.t.Helper()
	pods := map[string]bool{}
	for i := range 20 {
		c := keyed(fmt.Sprintf("user-%d", i))
		c.Count = 5
		outcomes := s.do(c)
		first := outcomes[0].answer().Pod
		s.share(outcomes, first, ofPod(first), 1)
		pods[first] = true
	}
	if len(pods) != len(s.spec) {
		s.t.Errorf("20 keys went to the pods %v, want all %d", pods, len(s.spec))
	}
}
