package dev.mizzen.agent.core.balance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.Message;
import com.google.protobuf.TextFormat;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.core.wire.Reader;
import io.envoyproxy.envoy.config.core.v3.TransportSocket;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext;
import java.net.ConnectException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.Map;
import java.util.TreeMap;
import javax.net.ssl.SSLException;
import org.junit.jupiter.api.Test;

/** How calls are shared among endpoints. */
class ClusterTest {
    private static final long SECOND = 1_000_000_000L;
    private static final String EJECT = "outlier_detection { consecutive_5xx { value: 3 } base_ejection_time { seconds: 30 } interval { seconds: 10 } max_ejection_percent { value: 100 } }";

    private long now = SECOND;
    private final Cluster cluster = new Cluster("c", () -> now);

    private static <B extends Message.Builder> B parse(String text, B b) {
        try {
            TextFormat.merge(text, b);
            return b;
        } catch (TextFormat.ParseException e) {
            throw new AssertionError(e);
        }
    }

    private void update(String config, String... localities) {
        String all = "";
        for (String l : localities) {
            all += "endpoints { " + l + " }";
        }
        cluster.update(ClusterConfig.decode(new Reader(parse("name: \"c\" type: EDS eds_cluster_config { eds_config { ads {} } } " + config, io.envoyproxy.envoy.config.cluster.v3.Cluster.newBuilder()).build().toByteArray())),
            Assignment.decode(new Reader(parse(all, ClusterLoadAssignment.newBuilder()).build().toByteArray())));
    }

    private static String host(String name, String more) {
        return "lb_endpoints { endpoint { address { socket_address { address: \"" + name + "\" port_value: 80 } } } " + more + " } ";
    }

    private static String hosts(String names) {
        String all = "";
        for (char c : names.toCharArray()) {
            all += host(String.valueOf(c), "");
        }
        return all;
    }

    private Try attempt(Long hash) {
        return cluster.attempt(hash, false, Collections.emptyList(), null, new String[1]);
    }

    private String pick() {
        Try t = attempt(null);
        if (t == null) {
            return "none";
        }
        t.done(200);
        return t.endpoint().host();
    }

    private Map<String, Integer> picks(int n) {
        Map<String, Integer> counts = new TreeMap<>();
        for (int i = 0; i < n; i++) {
            counts.merge(pick(), 1, Integer::sum);
        }
        return counts;
    }

    private static void near(double p, Integer got, int n) {
        assertEquals(p * n, got == null ? 0 : got, 5 * Math.sqrt(n * p * (1 - p)) + 1);
    }

    /** Fails calls at a host until n have failed. */
    private void fail(String host, int n, int status) {
        for (int failed = 0, calls = 0; failed < n; calls++) {
            Try t = attempt(null);
            assertTrue(t != null && calls < 10_000, "no call goes to " + host);
            if (t.endpoint().host().equals(host)) {
                failed++;
                if (status == 0) {
                    t.failed(new ConnectException());
                } else {
                    t.done(status);
                }
            } else {
                t.done(200);
            }
        }
    }

    @Test
    void roundRobinIsExact() {
        update("", hosts("abc"));
        assertEquals("{a=100, b=100, c=100}", picks(300).toString());
    }

    @Test
    void roundRobinFollowsWeights() {
        update("", host("a", "load_balancing_weight { value: 786432 }") + host("b", "load_balancing_weight { value: 262144 }"));
        Map<String, Integer> counts = picks(4000);
        assertEquals(3000, counts.get("a"), 2);
        assertEquals(1000, counts.get("b"), 2);
    }

    @Test
    void randomFollowsWeights() {
        update("lb_policy: RANDOM", host("a", "load_balancing_weight { value: 3 }") + host("b", ""));
        near(0.75, picks(20_000).get("a"), 20_000);
    }

    @Test
    void leastRequestAvoidsTheBusy() {
        update("lb_policy: LEAST_REQUEST", hosts("ab"));
        List<Try> busy = new ArrayList<>();
        while (busy.size() < 5) {
            Try t = attempt(null);
            if (t.endpoint().host().equals("a")) {
                busy.add(t);
            } else {
                t.done(200);
            }
        }
        near(0.25, picks(20_000).get("a"), 20_000); // only if it is drawn twice
        for (Try t : busy) {
            t.done(200);
            t.done(200); // a second end has no effect
        }
        near(0.5, picks(20_000).get("a"), 20_000);
    }

    @Test
    void ringKeepsKeysWhereTheyAre() {
        update("lb_policy: RING_HASH", hosts("abcde"));
        Map<Long, String> before = new TreeMap<>();
        Map<String, Integer> counts = new TreeMap<>();
        for (int i = 0; i < 5000; i++) {
            long hash = Cluster.hash("key" + i);
            before.put(hash, attempt(hash).endpoint().host());
            counts.merge(before.get(hash), 1, Integer::sum);
        }
        for (String h : "a b c d e".split(" ")) {
            assertEquals(1000, counts.get(h), 350, "the ring is even: " + counts);
        }
        update("lb_policy: RING_HASH", hosts("abcd"));
        int moved = 0;
        for (Map.Entry<Long, String> e : before.entrySet()) {
            String got = attempt(e.getKey()).endpoint().host();
            moved += e.getValue().equals("e") || got.equals(e.getValue()) ? 0 : 1;
        }
        assertTrue(moved < 1000, "most keys stay: " + moved + " of 4000 moved"); // the hosts that stay have more points now
    }

    @Test
    void ringFollowsWeights() {
        update("lb_policy: RING_HASH ring_hash_lb_config { minimum_ring_size { value: 4096 } }", host("a", "load_balancing_weight { value: 9 }") + host("b", ""));
        int a = 0;
        for (int i = 0; i < 20_000; i++) {
            a += attempt(Cluster.hash("key" + i)).endpoint().host().equals("a") ? 1 : 0;
        }
        assertEquals(18_000, a, 800);
    }

    @Test
    void retriesGoElsewhere() {
        for (String policy : "ROUND_ROBIN RANDOM LEAST_REQUEST RING_HASH".split(" ")) {
            update("lb_policy: " + policy, hosts("abc"));
            int same = 0;
            for (int i = 0; i < 1000; i++) {
                Try first = attempt(Cluster.hash("k" + i));
                first.done(500);
                Try second = cluster.attempt(Cluster.hash("k" + i), true, Arrays.asList(first), null, new String[1]);
                second.done(200);
                same += second.endpoint() == first.endpoint() ? 1 : 0;
            }
            assertTrue(same < 20, policy + ": " + same + " of 1000 retries at the host that failed");
        }
    }

    @Test
    void localitiesShareByWeightAndHealth() {
        String a = hosts("ab") + "load_balancing_weight { value: 3 } locality { zone: \"1\" }", b = hosts("c") + "load_balancing_weight { value: 1 } locality { zone: \"2\" }",
            none = hosts("d") + "locality { zone: \"3\" }";
        update("", a, b, none);
        Map<String, Integer> counts = picks(20_000);
        near(0.25, counts.get("c"), 20_000);
        assertNull(counts.get("d"), "a locality without weight gets nothing if another one has weight");
        // Half of the first locality is down: 1.4 × 1/2 of its weight is left.
        update("", host("a", "") + host("b", "health_status: UNHEALTHY") + "load_balancing_weight { value: 3 }", b);
        near(1 / 3.1, picks(20_000).get("c"), 20_000);
    }

    @Test
    void prioritiesTakeOverByHealth() {
        String backup = hosts("z") + "priority: 1";
        update("", hosts("abcd"), backup);
        assertNull(picks(1000).get("z"));
        update("", hosts("abc") + host("d", "health_status: UNHEALTHY"), backup);
        assertNull(picks(1000).get("z"), "1.4 × 3/4 is more than all");
        update("", hosts("ab") + host("c", "health_status: UNHEALTHY") + host("d", "health_status: TIMEOUT"), backup);
        near(0.3, picks(20_000).get("z"), 20_000);
        update("", host("a", "health_status: UNHEALTHY"), backup);
        assertEquals("{z=1000}", picks(1000).toString());
    }

    @Test
    void panicsBelowTheThreshold() {
        String oneOfThree = hosts("a") + host("b", "health_status: UNHEALTHY") + host("c", "health_status: UNHEALTHY") + host("d", "health_status: DRAINING");
        update("", oneOfThree);
        assertEquals("[a, b, c]", picks(1000).keySet().toString(), "by default at 50 percent");
        update("common_lb_config { healthy_panic_threshold { value: 20 } }", oneOfThree);
        assertEquals("[a]", picks(1000).keySet().toString());
        update("common_lb_config { healthy_panic_threshold { } }", host("b", "health_status: UNHEALTHY"));
        assertEquals("[none]", picks(10).keySet().toString());
    }

    @Test
    void ejectsOutliersForLongerAndLonger() {
        update(EJECT, hosts("abc"));
        fail("a", 2, 500);
        fail("a", 1, 404); // a success, as far as outliers go
        fail("a", 2, 503);
        assertEquals(0, cluster.ejections());
        fail("a", 1, 500);
        assertEquals("[b, c]", picks(100).keySet().toString());
        now += 30 * SECOND - 1;
        assertEquals("[b, c]", picks(100).keySet().toString());
        now += 1;
        assertEquals("[a, b, c]", picks(100).keySet().toString());
        fail("a", 3, 0);
        now += 59 * SECOND;
        assertEquals("[b, c]", picks(100).keySet().toString(), "the second time is twice as long");
        now += SECOND;
        assertEquals("[a, b, c]", picks(100).keySet().toString());
        now += 25 * SECOND; // two intervals make it as at the beginning
        fail("a", 3, 500);
        now += 30 * SECOND;
        assertEquals("[a, b, c]", picks(100).keySet().toString());
    }

    /** An attempt that was not made neither counts as a failure nor ends a row of them. */
    @Test
    void countsNoAttemptThatWasNotMade() {
        update(EJECT, hosts("a"));
        fail("a", 2, 503);
        for (int i = 0; i < 5; i++) {
            attempt(null).done(0);
        }
        assertEquals(0, cluster.ejections());
        fail("a", 1, 503);
        assertEquals(1, cluster.ejections());
    }

    @Test
    void ejectsNoMoreThanAllowed() {
        String half = EJECT.replace("value: 100", "value: 50");
        update(half, hosts("abcd"));
        for (String h : "a b".split(" ")) {
            fail(h, 3, 500);
        }
        fail("c", 10, 500);
        assertEquals("[c, d]", picks(100).keySet().toString());
    }

    @Test
    void ejectsOneIfAsked() {
        update(EJECT.replace("value: 100", "value: 10"), hosts("ab"));
        fail("a", 5, 500);
        assertEquals("[a, b]", picks(100).keySet().toString());
        update(EJECT.replace("max_ejection_percent { value: 100 }", "max_ejection_percent { value: 10 } always_eject_one_host { value: true }"), hosts("ab"));
        fail("a", 3, 500);
        assertEquals("[b]", picks(100).keySet().toString());
    }

    @Test
    void countsLocalFailuresAlone() {
        update("outlier_detection { consecutive_5xx { value: 2 } split_external_local_origin_errors: true consecutive_local_origin_failure { value: 4 } max_ejection_percent { value: 100 } }",
            hosts("ab"));
        fail("a", 3, 0);
        assertEquals("[a, b]", picks(100).keySet().toString());
        fail("a", 3, 0);
        fail("a", 1, 0);
        assertEquals("[b]", picks(100).keySet().toString());
    }

    /** Gateway failures that do not eject leave the count of all failures alone. With the defaults both have the same limit. */
    @Test
    void ejectsByTheDefaults() {
        update("outlier_detection { max_ejection_percent { value: 100 } }", hosts("ab"));
        fail("a", 5, 503);
        assertEquals("[b]", picks(100).keySet().toString());
    }

    @Test
    void countsGatewayFailuresAlone() {
        update("outlier_detection { consecutive_gateway_failure { value: 2 } enforcing_consecutive_gateway_failure { value: 100 } enforcing_consecutive_5xx { } max_ejection_percent { value: 100 } }",
            hosts("ab"));
        fail("a", 20, 500);
        assertEquals("[a, b]", picks(100).keySet().toString());
        fail("a", 2, 502);
        assertEquals("[b]", picks(100).keySet().toString());
    }

    @Test
    void keepsTheStateOfHostsThatStay() {
        update(EJECT, hosts("ab"));
        fail("a", 3, 500);
        Try inFlight = attempt(null);
        update(EJECT + " lb_policy: LEAST_REQUEST", hosts("abc"));
        assertEquals("[b, c]", picks(100).keySet().toString());
        assertEquals(1, ((Host) inFlight.endpoint()).active.get());
        inFlight.done(200);
        assertEquals(0, ((Host) inFlight.endpoint()).active.get());
    }

    @Test
    void limitsCallsInFlight() {
        update("circuit_breakers { thresholds { max_requests { value: 2 } } thresholds { priority: HIGH max_requests { value: 9 } } }", hosts("a"));
        Try first = attempt(null);
        attempt(null);
        String[] why = new String[1];
        assertNull(cluster.attempt(null, false, Collections.emptyList(), null, why));
        assertEquals("the cluster c has 2 calls in flight, which is its limit", why[0]);
        first.done(200);
        assertNotNull(attempt(null));
    }

    @Test
    void limitsCallsThatStartAtTheSameInstant() throws Exception {
        update("circuit_breakers { thresholds { max_requests { value: 1 } } }", hosts("a"));
        int threads = 4;
        for (int round = 0; round < 500; round++) {
            CyclicBarrier together = new CyclicBarrier(threads);
            List<CompletableFuture<Try>> calls = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                CompletableFuture<Try> call = new CompletableFuture<>();
                calls.add(call);
                new Thread(() -> {
                    try {
                        together.await();
                        call.complete(cluster.attempt(null, false, Collections.emptyList(), null, new String[1]));
                    } catch (Exception e) {
                        call.completeExceptionally(e);
                    }
                }).start();
            }
            List<Try> admitted = new ArrayList<>();
            for (CompletableFuture<Try> call : calls) {
                if (call.get() != null) {
                    admitted.add(call.get());
                }
            }
            assertEquals(1, admitted.size(), "calls admitted in round " + round);
            admitted.get(0).done(200);
        }
    }

    @Test
    void budgetsRetries() {
        update("circuit_breakers { thresholds { retry_budget { budget_percent { value: 50 } min_retry_concurrency { value: 1 } } } }", hosts("a"));
        assertTrue(cluster.mayRetry());
        List<Try> tries = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            tries.add(attempt(null));
        }
        tries.add(cluster.attempt(null, !tries.isEmpty(), tries, null, new String[1]));
        assertTrue(cluster.mayRetry(), "two of four calls may be retries");
        tries.add(cluster.attempt(null, !tries.isEmpty(), tries, null, new String[1]));
        tries.get(0).done(200);
        assertTrue(!cluster.mayRetry(), "two of four calls are retries");
    }

    @Test
    void warmsUpNewHosts() {
        String slow = "round_robin_lb_config { slow_start_config { slow_start_window { seconds: 10 } } }";
        update(slow, hosts("a"));
        now += 100 * SECOND;
        update(slow, hosts("ab"));
        int n = 20_000;
        near(1 / 11.0, picks(n).get("b"), n); // at least 10 percent
        now += 5 * SECOND;
        near(1 / 3.0, picks(n).get("b"), n);
        now += 5 * SECOND;
        assertEquals(n / 2, picks(n).get("b"), 1);
        update(slow.replace("slow_start_window { seconds: 10 }", "slow_start_window { seconds: 10 } aggression { default_value: 2 }"), hosts("abc"));
        now += 10 * SECOND / 4;
        near(0.5 / 2.5, picks(n).get("c"), n);
    }

    @Test
    void dropsWhatTheControlPlaneDrops() {
        cluster.update(ClusterConfig.decode(new Reader(parse("name: \"c\" type: EDS eds_cluster_config { eds_config { ads {} } }", io.envoyproxy.envoy.config.cluster.v3.Cluster.newBuilder()).build().toByteArray())),
            Assignment.decode(new Reader(parse("endpoints { " + hosts("a") + " } policy { drop_overloads { drop_percentage { numerator: 25 } } }", ClusterLoadAssignment.newBuilder()).build()
                .toByteArray())));
        near(0.25, picks(20_000).get("none"), 20_000);
    }

    @Test
    void mergesTheRegistry() {
        update("metadata { filter_metadata { key: \"mizzen.dev\" value { fields { key: \"labels\" value { struct_value { fields { key: \"version\" value { string_value: \"v1\" } } } } } } } }",
            hosts("ab"));
        Endpoint same = new Instance("a", "v1"), only = new Instance("r", "v1"), other = new Instance("s", "v2");
        Map<String, Integer> counts = new TreeMap<>();
        int n = 20_000;
        for (int i = 0; i < n; i++) {
            Try t = cluster.attempt(null, false, Collections.emptyList(), Arrays.asList(same, only, other), new String[1]);
            assertTrue(t.endpoint() == only || t.endpoint() instanceof Host, "what the mesh has, too, is the mesh's");
            counts.merge(t.endpoint().host(), 1, Integer::sum);
        }
        assertEquals("[a, b, r]", counts.keySet().toString());
        near(1 / 3.0, counts.get("r"), n);
        update("", "");
        assertEquals("s", cluster.attempt(null, false, Collections.emptyList(), Arrays.asList(other), new String[1]).endpoint().host(), "a cluster without labels has all instances");
    }

    /** A registry does not say how its instances are verified, and nothing that must be encrypted is sent to them in plain text. */
    @Test
    void encryptedClustersHaveNoInstancesOfTheRegistry() {
        UpstreamTlsContext demand = parse("common_tls_context { validation_context { ca_certificate_provider_instance { instance_name: \"default\" } match_subject_alt_names { exact: \"x\" } } }",
            UpstreamTlsContext.newBuilder()).build();
        TransportSocket socket = TransportSocket.newBuilder().setName("tls").setTypedConfig(Any.pack(demand)).build();
        cluster.update(ClusterConfig.decode(new Reader(parse("name: \"c\" type: EDS eds_cluster_config { eds_config { ads {} } }", io.envoyproxy.envoy.config.cluster.v3.Cluster.newBuilder()).setTransportSocket(socket).build().toByteArray())),
            Assignment.decode(new Reader(parse("endpoints { " + hosts("a") + " }", ClusterLoadAssignment.newBuilder()).build().toByteArray())));
        for (int i = 0; i < 100; i++) {
            Endpoint e = cluster.attempt(null, false, Collections.emptyList(), Arrays.asList(new Instance("r", "v1")), new String[1]).endpoint();
            assertEquals("a true", e.host() + " " + e.secure());
            assertThrows(SSLException.class, e::tls, "nothing says where the certificates are");
        }
    }

    @Test
    void ejectsInstancesOfTheRegistry() {
        update(EJECT, hosts("a"));
        Endpoint r = new Instance("r", "v1");
        for (int failed = 0; failed < 3; ) {
            Try t = cluster.attempt(null, false, Collections.emptyList(), Arrays.asList(r), new String[1]);
            if (t.endpoint() == r) {
                t.done(500);
                failed++;
            } else {
                t.done(200);
            }
        }
        for (int i = 0; i < 100; i++) {
            assertEquals("a", cluster.attempt(null, false, Collections.emptyList(), Arrays.asList(new Instance("r", "v1")), new String[1]).endpoint().host());
        }
    }

    /** An instance of a registry. */
    private static final class Instance implements Endpoint {
        private final String host, version;

        Instance(String host, String version) {
            this.host = host;
            this.version = version;
        }

        @Override
        public String host() {
            return host;
        }

        @Override
        public int port() {
            return 80;
        }

        @Override
        public boolean secure() {
            return false;
        }

        @Override
        public Map<String, String> labels() {
            return Collections.singletonMap("version", version);
        }
    }
}
