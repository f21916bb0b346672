package dev.mizzen.agent.hook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Headers;
import dev.mizzen.agent.bridge.Service;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every client library of a train follows the plan of a call. */
@Timeout(60)
class TrainTest {
    private static BiFunction<String, String, Map<String, String>> application;

    private Pod pod, broken, held;

    @BeforeAll
    static void start() throws Exception {
        application = Application.start("shop.Clients");
    }

    @BeforeEach
    void pods() throws Exception {
        pod = new Pod(200, true);
        broken = new Pod(503, true);
        held = new Pod(200, false);
    }

    @AfterEach
    void close() {
        pod.close();
        broken.close();
        held.close();
    }

    /** Spring's clients, with and without a balancer. */
    static List<String> springClients() {
        return Arrays.asList("RestTemplate", "WebClient", "Feign", "plain RestTemplate", "plain WebClient", "plain Feign");
    }

    static List<String> clients() {
        List<String> all = new ArrayList<>(springClients());
        all.addAll(Arrays.asList("OkHttp", "Apache4", "Apache5"));
        return all;
    }

    /** Clients without a balancer follow the mesh only for hosts that the settings name, and a call that has an endpoint is not routed again. */
    @ParameterizedTest
    @MethodSource("clients")
    void clientsWithoutABalancerFollowIfAsked(String client) throws Exception {
        if (springClients().subList(0, 3).contains(client)) {
            return;
        }
        Script plan = Script.known(pod.port());
        plan.plain = "";
        Map<String, String> outcome = call(plan, client, "http://orders.invalid/a");
        assertNotNull(outcome.get("error"), outcome::toString);
        assertNull(plan.request);
        assertEquals("pod " + pod.port(), call(plan, client, "http://127.0.0.1:" + pod.port() + "/a").get("body"));
        assertNull(plan.request);
        plan.plain = "localhost"; // the endpoint, too, is a name that may be a service
        plan.host = null;
        plan.address = "localhost";
        assertEquals("pod " + pod.port(), call(plan, client, "http://localhost/a").get("body"));
        assertEquals(Arrays.asList("200"), plan.ends);
    }

    private static Map<String, String> call(Script plan, String client, String url) {
        Application.mesh = plan;
        return application.apply(client, url);
    }

    @ParameterizedTest
    @MethodSource("clients")
    void unknownServicesAreLeftToTheApplication(String client) {
        Script plan = new Script();
        plan.presence.complete(Service.Presence.UNKNOWN);
        Map<String, String> outcome = call(plan, client, "http://orders/a");
        assertNotNull(outcome.get("error"), outcome::toString);
        assertNull(plan.request);
    }

    @ParameterizedTest
    @MethodSource("clients")
    void callsGoWhereThePlanSays(String client) throws Exception {
        Script plan = Script.known(pod.port());
        plan.path = "/b";
        plan.query = "y=2";
        plan.host = "orders.example";
        plan.requestEdits = h -> {
            h.set("x-set", "1");
            h.remove("x-user");
        };
        plan.responseEdits = h -> {
            h.set("x-mesh", "2");
            h.remove("x-pod");
        };
        Map<String, String> outcome = call(plan, client, "http://orders:8080/a?x=1");
        assertEquals("pod " + pod.port(), outcome.get("body"), outcome::toString);
        assertEquals("GET /b?y=2", pod.requests.take());
        Headers sent = pod.headers.take();
        assertEquals("1", sent.getFirst("x-set"));
        assertNull(sent.getFirst("x-user"));
        assertEquals("orders.example", sent.getFirst("Host"));
        assertEquals("2", outcome.get("x-mesh"));
        assertNull(outcome.get("x-pod"));
        assertEquals(Arrays.asList("200"), plan.ends);
        assertEquals("GET http orders:8080 /a x=1 ann",
                String.join(" ", plan.request.method(), plan.request.scheme(), plan.request.authority(), plan.request.path(), plan.request.query(), plan.request.header("x-user")));
    }

    @ParameterizedTest
    @MethodSource("clients")
    void theMeshAnswersItself(String client) {
        Script plan = Script.known(pod.port());
        plan.status = 202;
        plan.responseEdits = h -> h.set("x-mesh", "2");
        Map<String, String> outcome = call(plan, client, "http://orders/a");
        assertEquals("answered", outcome.get("body"), outcome::toString);
        assertEquals("mesh", outcome.get("x-answer"));
        assertEquals("2", outcome.get("x-mesh"));
        assertTrue(pod.requests.isEmpty());
    }

    @ParameterizedTest
    @MethodSource("clients")
    void withoutAnEndpointTheCallFails(String client) {
        Map<String, String> outcome = call(Script.known(), client, "http://orders/a");
        assertTrue(outcome.toString().contains("the cluster orders has no endpoint"), outcome::toString);
    }

    @ParameterizedTest
    @MethodSource("clients")
    void failedAttemptsAreMadeAgain(String client) throws Exception {
        Script plan = Script.known(broken.port(), pod.port());
        plan.retries = 1;
        assertEquals("pod " + pod.port(), call(plan, client, "http://orders/a").get("body"));
        assertEquals("GET /a", broken.requests.take());
        assertEquals(Arrays.asList("503", "200"), plan.ends);
    }

    @ParameterizedTest
    @MethodSource("clients")
    void anAttemptEndsAtItsLimit(String client) throws Exception {
        Script plan = Script.known(held.port(), pod.port());
        plan.retries = 1;
        plan.perTry = 300;
        assertEquals("pod " + pod.port(), call(plan, client, "http://orders/a").get("body"));
        assertEquals(Arrays.asList("failed", "200"), plan.ends);
    }

    @ParameterizedTest
    @MethodSource("clients")
    void aCallEndsAtItsLimit(String client) throws Exception {
        Script plan = Script.known(held.port());
        plan.retries = 5;
        plan.timeout = 300;
        long start = System.nanoTime();
        Map<String, String> outcome = call(plan, client, "http://orders/a");
        long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        assertTrue(String.valueOf(outcome.get("error")).endsWith("TimeoutException: orders: no response within the rule's timeout of 300 ms"), outcome::toString);
        assertTrue(took >= 300 && took < 10_000, "took " + took + " ms");
        assertEquals(Arrays.asList("failed"), plan.ends);
    }

    @ParameterizedTest
    @MethodSource("clients")
    void theErrorNamesTheLimitOfAnAttempt(String client) {
        Script plan = Script.known(held.port());
        plan.perTry = 300;
        plan.timeout = 60_000;
        Map<String, String> outcome = call(plan, client, "http://orders/a");
        assertTrue(String.valueOf(outcome.get("error")).endsWith("TimeoutException: orders: no response within the rule's perTryTimeout of 300 ms"), outcome::toString);
    }

    @ParameterizedTest
    @MethodSource("clients")
    void aFaultDelaysTheCall(String client) {
        Script plan = Script.known(pod.port());
        plan.delay = 300;
        long start = System.nanoTime();
        assertEquals("pod " + pod.port(), call(plan, client, "http://orders/a").get("body"));
        assertTrue(System.nanoTime() - start >= TimeUnit.MILLISECONDS.toNanos(300));
    }

    @ParameterizedTest
    @MethodSource("springClients")
    void copiesAreMade(String client) throws Exception {
        Script plan = Script.known(pod.port()), copy = Script.known(broken.port());
        plan.mirrors.add(copy);
        assertEquals("pod " + pod.port(), call(plan, client, "http://orders/a").get("body"));
        assertEquals("GET /a", broken.requests.take());
    }

    @ParameterizedTest
    @MethodSource("clients")
    void theFirstCallWaits(String client) throws Exception {
        Script plan = Script.known(pod.port());
        Script pending = new Script();
        pending.ports = plan.ports;
        Thread later = new Thread(() -> pending.presence.complete(Service.Presence.KNOWN));
        Application.mesh = pending;
        later.start();
        assertEquals("pod " + pod.port(), application.apply(client, "http://orders/a").get("body"));
        later.join();
    }

    @ParameterizedTest
    @MethodSource("springClients")
    void theInstancesOfTheRegistryTakePart(String client) throws Exception {
        Script plan = Script.known(pod.port());
        plan.mode = Service.Mode.MERGE;
        call(plan, "registry", String.valueOf(broken.port()));
        application.apply(client, "http://orders/a");
        assertEquals("GET /a", broken.requests.take());
    }

    @Test
    void theDiscoveryClientTellsTheServicesOfTheMesh() {
        Script plan = Script.known(1, 2);
        call(plan, "registry", "3");
        assertEquals("127.0.0.1:1 127.0.0.1:2 registered orders", call(plan, "discovery", "orders").get("instances"));
        plan.mode = Service.Mode.MERGE;
        assertEquals("127.0.0.1:1 127.0.0.1:2 127.0.0.1:3 registered orders", call(plan, "discovery", "orders").get("instances"));
        plan.mode = Service.Mode.REGISTRY_FIRST;
        assertEquals("127.0.0.1:3 registered orders", call(plan, "discovery", "orders").get("instances"));
    }

    /** Else a call that the mesh does not decide reaches the mesh's endpoints, past all rules. */
    @Test
    void theApplicationsOwnBalancerHasTheInstancesOfTheRegistryAlone() {
        Script plan = Script.known(1, 2);
        call(plan, "registry", "3");
        assertEquals("127.0.0.1:3", call(plan, "balancer", "orders").get("instances"));
    }

    /** A request that fails leaves no lane on its thread. */
    @Test
    void theLaneEndsWithTheRequest() {
        Script plan = new Script();
        plan.inbound = "gray";
        assertEquals("java.lang.IllegalStateException: the handler fails", call(plan, "serve", "").get("error"));
        assertEquals(Arrays.asList("gray", ""), plan.lanes);
    }

    /** An application that is stopped leaves nothing behind. */
    @Test
    void applicationsAreUnloaded() throws Exception {
        Script plan = Script.known(pod.port());
        plan.timeout = 10_000;
        Application.mesh = plan;
        List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            BiFunction<String, String, Map<String, String>> redeployed = Application.start("shop.Clients");
            for (String client : new String[] {"RestTemplate", "Feign"}) {
                assertEquals("pod " + pod.port(), redeployed.apply(client, "http://orders/a").get("body"));
            }
            loaders.add(new WeakReference<>(redeployed.getClass().getClassLoader()));
        }
        plan.request = null;
        long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (loaders.stream().anyMatch(l -> l.get() != null)) {
            assertTrue(System.nanoTime() < limit, loaders.stream().filter(l -> l.get() != null).count() + " class loaders are still there");
            System.gc();
            Thread.yield();
        }
    }
}
