package dev.mizzen.agent.core.route;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.TextFormat;
import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.core.TestHeaders;
import dev.mizzen.agent.core.TestRequest;
import dev.mizzen.agent.core.balance.Assignment;
import dev.mizzen.agent.core.balance.Cluster;
import dev.mizzen.agent.core.balance.ClusterConfig;
import dev.mizzen.agent.core.wire.Reader;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.config.route.v3.RouteConfiguration;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What routes decide, by what Envoy does with the same fields. */
class RoutedCallTest {
    private static final Lanes NO_LANES = new Lanes("lane", "x-lane", null);

    /** Makes routes from the text form of a RouteConfiguration's only virtual host. */
    private static Routes routes(String host) {
        return table("virtual_hosts { name: \"v\" domains: \"*\" " + host + " }");
    }

    private static Routes table(String text) {
        try {
            RouteConfiguration.Builder b = RouteConfiguration.newBuilder();
            TextFormat.merge(text, b);
            RouteTable table = RouteTable.decode(new Reader(b.build().toByteArray()));
            Map<String, Cluster> clusters = new HashMap<>();
            int n = 1;
            for (String name : table.clusters()) {
                clusters.put(name, cluster(name, n++));
            }
            return new Routes(table, clusters, "go-sc-a");
        } catch (TextFormat.ParseException e) {
            throw new AssertionError(e);
        }
    }

    static Cluster cluster(String name, int n) throws TextFormat.ParseException {
        io.envoyproxy.envoy.config.cluster.v3.Cluster.Builder c = io.envoyproxy.envoy.config.cluster.v3.Cluster.newBuilder();
        TextFormat.merge("name: \"" + name + "\" type: EDS eds_cluster_config { eds_config { ads {} } } connect_timeout { seconds: 3 } circuit_breakers { thresholds { max_requests { value: 100000 } max_retries { value: 1 } } }", c);
        Cluster cluster = new Cluster(name);
        cluster.update(ClusterConfig.decode(new Reader(c.build().toByteArray())), Assignment.decode(new Reader(assignment(n).toByteArray())));
        return cluster;
    }

    private static ClusterLoadAssignment assignment(int... hosts) {
        ClusterLoadAssignment.Builder a = ClusterLoadAssignment.newBuilder();
        for (int n : hosts) {
            a.addEndpointsBuilder().addLbEndpointsBuilder().getEndpointBuilder().getAddressBuilder().getSocketAddressBuilder().setAddress("10.0.0." + n).setPortValue(80);
        }
        return a.build();
    }

    private static Plan plan(Routes routes, TestRequest request) {
        return RoutedCall.of(routes, request, NO_LANES, false);
    }

    /** Returns the cluster that a request goes to, or the reason why there is none. */
    private static String to(Routes routes, TestRequest request) {
        Plan plan = plan(routes, request);
        Attempt a = plan.attempt(null);
        return a == null ? plan.failure() : a.cluster();
    }

    private static TestRequest get(String uri, String... headers) {
        return new TestRequest("GET", uri, headers);
    }

    private static void matches(String match, boolean wanted, TestRequest request) {
        Routes routes = routes("routes { match { " + match + " } route { cluster: \"yes\" } }");
        assertEquals(wanted ? "yes" : "no route matches", to(routes, request), match);
    }

    @Test
    void matchesPaths() {
        matches("prefix: \"/a\"", true, get("/abc?x=1"));
        matches("prefix: \"/a\"", false, get("/A"));
        matches("prefix: \"/a\" case_sensitive { value: false }", true, get("/A/b"));
        matches("prefix: \"\"", true, get("/"));
        matches("path: \"/a\"", true, get("/a?x"));
        matches("path: \"/a\"", false, get("/a/"));
        matches("path: \"/a\" case_sensitive { }", true, get("/A"));
        matches("path_separated_prefix: \"/a\"", true, get("/a/b"));
        matches("path_separated_prefix: \"/a\"", true, get("/a"));
        matches("path_separated_prefix: \"/a\"", false, get("/ab"));
        matches("safe_regex { regex: \"/v\\\\d+/.*\" }", true, get("/v12/x"));
        matches("safe_regex { regex: \"/v\\\\d+\" }", false, get("/v12/x"));
        matches("safe_regex { regex: \"/v\" }", true, get("/v?q"));
    }

    @Test
    void matchesHeaders() {
        matches("prefix: \"/\" headers { name: \"X-A\" string_match { exact: \"b\" } }", true, get("/", "x-a", "b"));
        matches("prefix: \"/\" headers { name: \"x-a\" string_match { exact: \"B\" ignore_case: true } }", true, get("/", "x-a", "b"));
        matches("prefix: \"/\" headers { name: \"x-a\" string_match { prefix: \"b\" } }", false, get("/", "x-a", "ab"));
        matches("prefix: \"/\" headers { name: \"x-a\" string_match { suffix: \"b\" } }", true, get("/", "x-a", "ab"));
        matches("prefix: \"/\" headers { name: \"x-a\" string_match { contains: \"b\" } }", true, get("/", "x-a", "abc"));
        matches("prefix: \"/\" headers { name: \"x-a\" string_match { safe_regex { regex: \"a.c\" } } }", true, get("/", "x-a", "abc"));
        matches("prefix: \"/\" headers { name: \"x-a\" range_match { start: -1 end: 10 } }", true, get("/", "x-a", "9"));
        matches("prefix: \"/\" headers { name: \"x-a\" range_match { start: -1 end: 10 } }", false, get("/", "x-a", "10"));
        matches("prefix: \"/\" headers { name: \"x-a\" range_match { start: -1 end: 10 } }", false, get("/", "x-a", "9.0"));
        matches("prefix: \"/\" headers { name: \"x-a\" }", true, get("/", "x-a", ""));
        matches("prefix: \"/\" headers { name: \"x-a\" }", false, get("/"));
        matches("prefix: \"/\" headers { name: \"x-a\" present_match: false }", true, get("/"));
        matches("prefix: \"/\" headers { name: \"x-a\" present_match: true invert_match: true }", true, get("/"));
        matches("prefix: \"/\" headers { name: \":method\" string_match { exact: \"GET\" } }", true, get("/"));
        matches("prefix: \"/\" headers { name: \":method\" string_match { exact: \"POST\" } }", false, get("/"));
        matches("prefix: \"/\" headers { name: \":authority\" string_match { exact: \"go-sc-a\" } }", true, get("/"));
        matches("prefix: \"/\" headers { name: \":scheme\" string_match { exact: \"https\" } }", true, get("/").at("https", "go-sc-a"));
        matches("prefix: \"/\" headers { name: \":path\" string_match { suffix: \"?x=1\" } }", true, get("/a?x=1"));
    }

    /** Without the header, an inverted matcher matches only if a missing header is read as an empty one. */
    @Test
    void invertsOnlyWhatIsThere() {
        matches("prefix: \"/\" headers { name: \"x-a\" string_match { exact: \"b\" } invert_match: true }", true, get("/", "x-a", "c"));
        matches("prefix: \"/\" headers { name: \"x-a\" string_match { exact: \"b\" } invert_match: true }", false, get("/"));
        matches("prefix: \"/\" headers { name: \"x-a\" string_match { exact: \"b\" } invert_match: true treat_missing_header_as_empty: true }", true, get("/"));
        matches("prefix: \"/\" headers { name: \"x-a\" string_match { exact: \"\" } treat_missing_header_as_empty: true }", true, get("/"));
    }

    @Test
    void matchesQueryParameters() {
        matches("prefix: \"/\" query_parameters { name: \"v\" string_match { exact: \"2\" } }", true, get("/?a=1&v=2"));
        matches("prefix: \"/\" query_parameters { name: \"v\" string_match { exact: \"2\" } }", false, get("/?v=1&v=2"));
        matches("prefix: \"/\" query_parameters { name: \"v\" string_match { exact: \"\" } }", true, get("/?v"));
        matches("prefix: \"/\" query_parameters { name: \"v\" }", true, get("/?v="));
        matches("prefix: \"/\" query_parameters { name: \"v\" }", false, get("/?vv=1"));
        matches("prefix: \"/\" query_parameters { name: \"v\" }", false, get("/"));
        matches("prefix: \"/\" query_parameters { name: \"v\" present_match: false }", true, get("/"));
    }

    @Test
    void takesTheFirstRouteThatMatches() {
        Routes routes = routes("routes { match { prefix: \"/a\" } route { cluster: \"first\" } } routes { match { prefix: \"/\" } route { cluster: \"second\" } }");
        assertEquals("first", to(routes, get("/a")));
        assertEquals("second", to(routes, get("/b")));
    }

    @Test
    void sharesCallsByWeightAndFraction() {
        Routes routes = routes("routes { match { prefix: \"/\" runtime_fraction { default_value { numerator: 20 } } } route { cluster: \"fifth\" } }"
            + "routes { match { prefix: \"/\" } route { weighted_clusters { clusters { name: \"a\" weight { value: 90 } } clusters { name: \"b\" weight { value: 10 } } } } }");
        int n = 50_000;
        Map<String, Integer> counts = new HashMap<>();
        for (int i = 0; i < n; i++) {
            counts.merge(to(routes, get("/")), 1, Integer::sum);
        }
        near(0.2, counts.get("fifth"), n);
        near(0.72, counts.get("a"), n);
        near(0.08, counts.get("b"), n);
    }

    /** Within five sigma of a binomial. */
    private static void near(double p, int got, int n) {
        assertEquals(p * n, got, 5 * Math.sqrt(n * p * (1 - p)));
    }

    @Test
    void redirects() {
        assertRedirect("host_redirect: \"elsewhere\" path_redirect: \"/b\" port_redirect: 8443 response_code: FOUND scheme_redirect: \"https\"", get("/a?x=1"),
            302, "https://elsewhere:8443/b?x=1");
        assertRedirect("prefix_rewrite: \"/d\" https_redirect: true", get("/a/b").at("http", "go-sc-a:80"), 301, "https://go-sc-a/d/b");
        assertRedirect("path_redirect: \"/b?y=2\" strip_query: true response_code: PERMANENT_REDIRECT", get("/a?x=1").at("http", "go-sc-a:8080"), 308, "http://go-sc-a:8080/b?y=2");
        assertRedirect("strip_query: true host_redirect: \"c\" response_code: SEE_OTHER", get("/a?x=1"), 303, "http://c/a");
        assertRedirect("regex_rewrite { pattern { regex: \"/(.*)\" } substitution: \"/x/\\\\1\" } response_code: TEMPORARY_REDIRECT", get("/a/z"), 307, "http://go-sc-a/x/a/z");
        assertRedirect("port_redirect: 81", get("/a").at("http", "[::1]:80"), 301, "http://[::1]:81/a");
    }

    private static void assertRedirect(String redirect, TestRequest request, int status, String location) {
        Plan plan = plan(routes("routes { match { prefix: \"/a\" } redirect { " + redirect + " } response_headers_to_add { header { key: \"X-By\" value: \"mesh\" } } }"), request);
        assertEquals(status, plan.answer().status());
        assertEquals(location, plan.answer().headers().get("location"));
        assertEquals("mesh", plan.answer().headers().get("x-by"));
        assertNull(plan.attempt(null), "an answered call goes nowhere");
        assertTrue(plan.responseHeaders().isEmpty(), "the answer has its headers");
    }

    @Test
    void answersDirectly() {
        Plan plan = plan(routes("routes { match { prefix: \"/\" } direct_response { status: 418 body { inline_string: \"short and stout\" } } }"), get("/"));
        assertEquals(418, plan.answer().status());
        assertEquals("short and stout", new String(plan.answer().body()));
        assertEquals("text/plain", plan.answer().headers().get("content-type"));
    }

    @Test
    void rewrites() {
        assertEquals("/new/x", rewritten("prefix: \"/old\"", "prefix_rewrite: \"/new\"", "/old/x"));
        assertEquals("/x", rewritten("prefix: \"/old/\"", "prefix_rewrite: \"/\"", "/old/x"));
        assertEquals("/new", rewritten("path: \"/old\"", "prefix_rewrite: \"/new\"", "/old"));
        assertEquals("/new", rewritten("safe_regex { regex: \"/o.*\" }", "prefix_rewrite: \"/new\"", "/old/x"));
        assertEquals("/b/a/tail", rewritten("prefix: \"/\"", "regex_rewrite { pattern { regex: \"^/(\\\\w+)/(\\\\w+)\" } substitution: \"/\\\\2/\\\\1\" }", "/a/b/tail"));
        Plan plan = plan(routes("routes { match { prefix: \"/\" } route { cluster: \"c\" host_rewrite_literal: \"other.example\" prefix_rewrite: \"/z/\" } }"), get("/a?q=1"));
        assertEquals("other.example", plan.host());
        assertEquals("/z/a", plan.path());
        assertEquals("q=1", plan.query());
        assertNull(plan(routes("routes { match { prefix: \"/\" } route { cluster: \"c\" } }"), get("/a")).host());
    }

    private static String rewritten(String match, String rewrite, String path) {
        return plan(routes("routes { match { " + match + " } route { cluster: \"c\" " + rewrite + " } }"), get(path)).path();
    }

    @Test
    void editsHeadersFromTheNarrowestLevelOut() {
        String add = "request_headers_to_add { header { key: \"x-all\" value: \"%s\" } }";
        Routes routes = table("virtual_hosts { name: \"v\" domains: \"*\" " + String.format(add, "host") + " routes { match { prefix: \"/\" } " + String.format(add, "route")
            + " request_headers_to_remove: \"X-Gone\""
            + " request_headers_to_add { header { key: \"x-set\" value: \"%REQ(X-From)%/100%%\" } append_action: OVERWRITE_IF_EXISTS_OR_ADD }"
            + " request_headers_to_add { header { key: \"x-absent\" value: \"no\" } append_action: OVERWRITE_IF_EXISTS }"
            + " request_headers_to_add { header { key: \"x-there\" value: \"no\" } append_action: ADD_IF_ABSENT }"
            + " request_headers_to_add { header { key: \"x-envoy\" value: \"%DOWNSTREAM_REMOTE_ADDRESS%\" } }"
            + " route { weighted_clusters { clusters { name: \"c\" weight { value: 1 } " + String.format(add, "cluster") + " response_headers_to_remove: \"server\" } } } } }"
            + String.format(add, "table"));
        Plan plan = plan(routes, get("/", "x-from", "me"));
        TestHeaders got = TestHeaders.edited(plan.requestHeaders(), "x-gone", "1", "x-set", "old", "x-there", "yes");
        assertEquals("{x-all=cluster,route,host,table, x-envoy=%DOWNSTREAM_REMOTE_ADDRESS%, x-set=me/100%, x-there=yes}", got.toString());
        assertEquals("{}", TestHeaders.edited(plan.responseHeaders(), "server", "x").toString());
    }

    @Test
    void readsTimeouts() {
        Plan plan = plan(routes("routes { match { prefix: \"/\" } route { cluster: \"c\" timeout { seconds: 2 } retry_policy { per_try_timeout { nanos: 5 } } } }"), get("/"));
        assertEquals(2_000_000_000L, plan.timeoutNanos());
        assertEquals(5, plan.perTryTimeoutNanos());
        assertEquals(3_000_000_000L, plan.connectTimeoutNanos());
    }

    @Test
    void retriesWhatThePolicyCovers() {
        covers("5xx", "500 503 599 connect reset slow late");
        covers("gateway-error", "502 503 504 connect reset slow connecting refused late");
        covers("connect-failure", "connect connecting");
        covers("refused-stream", "refused");
        covers("reset", "connect reset slow late");
        covers("retriable-4xx", "409");
        covers("retriable-status-codes", "418");
        covers("unavailable,cancelled", "");
        covers("connect-failure, refused-stream", "connect connecting refused");
    }

    private static void covers(String on, String wanted) {
        Routes routes = routes("routes { match { prefix: \"/\" } route { cluster: \"c\" retry_policy { retry_on: \"" + on + "\" retriable_status_codes: 418 } } }");
        Map<String, Throwable> failures = new HashMap<>();
        failures.put("connect", new RuntimeException(new ConnectException("refused")));
        failures.put("connecting", new SocketTimeoutException("connect timed out"));
        failures.put("reset", new SocketException("Connection reset"));
        failures.put("slow", new SocketTimeoutException("Read timed out"));
        failures.put("late", new SocketTimeoutException("kafka-connect: no response within 700 ms"));
        failures.put("refused", new java.io.IOException("stream was reset: REFUSED_STREAM"));
        for (String outcome : "200 404 409 418 500 502 503 504 599 connect connecting reset slow late refused".split(" ")) {
            boolean isStatus = Character.isDigit(outcome.charAt(0));
            boolean got = plan(routes, get("/")).retry(1, isStatus ? Integer.parseInt(outcome) : 0, failures.get(outcome));
            boolean any = on.equals("5xx") && outcome.matches("5\\d\\d|connecting|refused") || on.equals("reset") && outcome.matches("connecting|refused");
            assertEquals((" " + wanted + " ").contains(" " + outcome + " ") || any, got, on + " and " + outcome);
        }
    }

    @Test
    void countsRetries() {
        Routes routes = routes("routes { match { prefix: \"/\" } route { cluster: \"c\" retry_policy { retry_on: \"5xx\" num_retries { value: 2 } retry_back_off { base_interval { nanos: 1000 } } } } }");
        Plan plan = plan(routes, get("/"));
        assertTrue(plan.retry(2, 500, null));
        assertFalse(plan.retry(3, 500, null));
        for (int i = 0; i < 1000; i++) {
            assertTrue(plan.backoffNanos(1) < 1000 && plan.backoffNanos(2) < 3000 && plan.backoffNanos(9) < 10_000);
        }
        // The cluster allows one retry at a time.
        plan.attempt(null).done(500);
        Attempt retrying = plan.attempt(null);
        assertFalse(plan(routes, get("/")).retry(1, 500, null), "a retry is in flight");
        retrying.done(200);
        assertTrue(plan(routes, get("/")).retry(1, 500, null));
    }

    /** A ring sends each attempt of a call to the same host, unless the policy avoids those that were tried. */
    @Test
    void avoidsHostsThatWereTriedIfThePolicySaysSo() {
        String policy = "routes { match { prefix: \"/\" } route { cluster: \"c\" hash_policy { header { header_name: \"x-user\" } } retry_policy { retry_on: \"5xx\" %s } } }";
        for (boolean avoids : new boolean[] {true, false}) {
            Routes routes = routes(String.format(policy, avoids ? "retry_host_predicate { name: \"envoy.retry_host_predicates.previous_hosts\" }" : "host_selection_retry_max_attempts: 5"));
            routes.clusters.get("c").update(ClusterConfig.decode(new Reader(io.envoyproxy.envoy.config.cluster.v3.Cluster.newBuilder()
                .setEdsClusterConfig(io.envoyproxy.envoy.config.cluster.v3.Cluster.EdsClusterConfig.newBuilder().setEdsConfig(io.envoyproxy.envoy.config.core.v3.ConfigSource.newBuilder()
                    .setAds(io.envoyproxy.envoy.config.core.v3.AggregatedConfigSource.getDefaultInstance())))
                .setType(io.envoyproxy.envoy.config.cluster.v3.Cluster.DiscoveryType.EDS).setLbPolicy(io.envoyproxy.envoy.config.cluster.v3.Cluster.LbPolicy.RING_HASH).build().toByteArray())),
                Assignment.decode(new Reader(assignment(1, 2).toByteArray())));
            Plan plan = plan(routes, get("/", "x-user", "u1"));
            Attempt first = plan.attempt(null);
            assertEquals(avoids, first.endpoint() != plan.attempt(null).endpoint());
        }
    }

    @Test
    void injectsFaults() {
        String fault = "typed_per_filter_config { key: \"envoy.filters.http.fault\" value { [type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault] { %s } } }";
        String route = "routes { match { prefix: \"/\" } route { cluster: \"c\" } " + fault + " }";
        Plan aborted = plan(any(String.format(route, "abort { http_status: 503 percentage { numerator: 100 } }")), get("/"));
        assertEquals(503, aborted.answer().status());
        Plan delayed = plan(any(String.format(route, "delay { fixed_delay { seconds: 1 } percentage { numerator: 1000000 denominator: MILLION } }")), get("/"));
        assertEquals(1_000_000_000L, delayed.delayNanos());
        assertNull(delayed.answer());
        Routes half = any(String.format(route, "abort { grpc_status: 14 percentage { numerator: 50 } } headers { name: \"x-f\" }"));
        int n = 20_000, hits = 0;
        for (int i = 0; i < n; i++) {
            hits += plan(half, get("/", "x-f", "1")).answer() != null ? 1 : 0;
            assertNull(plan(half, get("/")).answer());
        }
        near(0.5, hits, n);
    }

    private static Routes any(String host) {
        TextFormat.Parser parser = TextFormat.Parser.newBuilder().setTypeRegistry(
            com.google.protobuf.TypeRegistry.newBuilder().add(io.envoyproxy.envoy.extensions.filters.http.fault.v3.HTTPFault.getDescriptor()).build()).build();
        RouteConfiguration.Builder b = RouteConfiguration.newBuilder();
        try {
            parser.merge("virtual_hosts { domains: \"*\" " + host + " }", b);
            RouteTable table = RouteTable.decode(new Reader(b.build().toByteArray()));
            return new Routes(table, java.util.Collections.singletonMap("c", cluster("c", 1)), "go-sc-a");
        } catch (TextFormat.ParseException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void mirrorsAShare() {
        Routes routes = routes("routes { match { prefix: \"/\" } route { cluster: \"c\" prefix_rewrite: \"/new/\" request_mirror_policies { cluster: \"all\" }"
            + " request_mirror_policies { cluster: \"none\" runtime_fraction { default_value { } } } } }");
        Plan plan = plan(routes, get("/a"));
        assertEquals(1, plan.mirrors().size());
        Plan mirror = plan.mirrors().get(0);
        assertEquals("all", mirror.attempt(null).cluster());
        assertEquals("/new/a", mirror.path());
        assertFalse(mirror.retry(1, 500, null));
        assertTrue(mirror.mirrors().isEmpty());
    }

    @Test
    void choosesTheBestVirtualHost() {
        String text = "";
        for (String domain : new String[] {"*", "go-*", "go-sc-*", "*-a", "*.shop", "go-sc-a", "GO-SC-B"}) {
            text += "virtual_hosts { name: \"" + domain + "\" domains: \"" + domain + "\" routes { match { prefix: \"/\" } route { cluster: \"c\" } } }";
        }
        RouteTable table = table(text).table;
        for (String[] c : new String[][] {{"go-sc-a", "go-sc-a"}, {"go-sc-b", "GO-SC-B"}, {"go-sc-x", "go-sc-*"}, {"go-x", "go-*"}, {"x-a", "*-a"}, {"go-a", "*-a"}, {"x.shop", "*.shop"}, {"y", "*"}}) {
            assertEquals(c[1], table.host(c[0]).name, c[0]);
        }
        Routes none = table("virtual_hosts { domains: \"other\" routes { match { prefix: \"/\" } route { cluster: \"c\" } } }");
        assertEquals("the routes have no virtual host for go-sc-a", to(none, get("/")));
    }

    @Test
    void saysWhyACallFails() {
        Routes routes = routes("routes { match { prefix: \"/\" } route { cluster: \"refused\" } }");
        routes.clusters.clear();
        assertEquals("the cluster refused does not exist, or it was rejected", to(routes, get("/")));
        assertEquals("the control plane does not know x", to(new Routes("the control plane does not know x"), get("/")));
    }

    /** A pattern that backtracks for ever fails the call in a moment. It must not go to the next route. */
    @Test
    void endsMatchesThatTakeTooLong() {
        Routes routes = routes("routes { match { safe_regex { regex: \"(a+a+)+b\" } } route { cluster: \"slow\" } } routes { match { prefix: \"\" } route { cluster: \"open\" } }");
        StringBuilder path = new StringBuilder();
        for (int i = 0; i < 2000; i++) {
            path.append('a');
        }
        long start = System.nanoTime();
        assertEquals("the regular expression \"(a+a+)+b\" takes too long", to(routes, get(path.toString())));
        assertTrue(System.nanoTime() - start < 5_000_000_000L);
    }
}
