package dev.mizzen.dubbo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.rpc.RpcException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Consumers of Dubbo follow a real control plane. */
class DubboTest {
    private static Provider v1, v2;
    @TempDir
    Path temp;

    @BeforeAll
    static void providers() throws Exception {
        v1 = new Provider("v1");
        v2 = new Provider("v2");
        v1.ready();
        v2.ready();
    }

    @AfterAll
    static void stop() {
        v1.close();
        v2.close();
    }

    private static String[] objects(String... rules) {
        return new String[] {Plane.service("greeter", v1.endpoint(), v2.endpoint()), Plane.subsets("greeter"), Plane.routes("greeter", rules)};
    }

    @Test
    void followsWeights() throws Exception {
        try (Plane plane = new Plane(temp, objects("route: [{destination: {host: greeter, subset: v1}, weight: 75}, {destination: {host: greeter, subset: v2}, weight: 25}]"));
            MeshConsumer consumer = new MeshConsumer(plane.bootstrap(), "greeter:8080")) {
            int second = 0, calls = 400;
            for (int i = 0; i < calls; i++) {
                second += consumer.greet("hello").equals("v2") ? 1 : 0;
            }
            // Six standard deviations.
            assertTrue(Math.abs(second - calls / 4) <= 52, second + " of " + calls + " calls, want a quarter");
        }
    }

    @Test
    void matchesAttachmentsAndMethods() throws Exception {
        try (Plane plane = new Plane(temp, objects("{match: [{headers: {x-user: {exact: ann}}, uri: {exact: /dev.mizzen.dubbo.Greeter/greet}}], " + Plane.to("greeter", "v2") + "}",
                "{match: [{headers: {x-user: {exact: bob}}, uri: {prefix: /other/}}], " + Plane.to("greeter", "v2") + "}",
                "{match: [{withoutHeaders: {x-closed: {}}}], " + Plane.to("greeter", "v1") + "}"));
            MeshConsumer consumer = new MeshConsumer(plane.bootstrap(), "greeter.demo.svc.cluster.local:8080")) {
            for (int i = 0; i < 10; i++) {
                assertEquals("v1", consumer.greet("hello"));
                assertEquals("v2 got ann", consumer.greet("X-User", "X-User", "ann"));
                assertEquals("v1 got bob", consumer.greet("x-user", "x-user", "bob"));
                assertTrue(assertThrows(RpcException.class, () -> consumer.greet("hello", "x-closed", "1")).getMessage().contains("no route matches"));
            }
        }
    }

    /** New routes name endpoints that Dubbo has not heard of when the next call is made. No call fails. */
    @Test
    void followsChanges() throws Exception {
        try (Plane plane = new Plane(temp, objects(Plane.to("greeter", "v1"))); MeshConsumer consumer = new MeshConsumer(plane.bootstrap(), "greeter:8080", r -> r.setRetries(0))) {
            for (int round = 0; round < 6; round++) {
                String version = round % 2 == 0 ? "v1" : "v2";
                plane.write(objects(Plane.to("greeter", version)));
                Plane.until("calls go to " + version, () -> consumer.greet("hello").equals(version));
            }
        }
    }

    @Test
    void failsCallsToAnUnknownHostAtOnce() throws Exception {
        try (Plane plane = new Plane(temp, objects(Plane.to("greeter", "v1"))); MeshConsumer consumer = new MeshConsumer(plane.bootstrap(), "nobody:8080")) {
            long start = System.nanoTime();
            for (int i = 0; i < 3; i++) {
                assertTrue(assertThrows(RpcException.class, () -> consumer.greet("hello")).getMessage().contains("nobody:8080"));
            }
            assertTrue(System.nanoTime() - start < 5_000_000_000L, "the calls wait");
            plane.write(Plane.service("nobody", v1.endpoint()));
            Plane.until("the host is known", () -> {
                try {
                    return consumer.greet("hello").equals("v1");
                } catch (RpcException e) {
                    return false;
                }
            });
        }
    }

    /** Calls go on while the control plane is away, and follow it when it is back. */
    @Test
    void keepsRoutesDuringAnOutage() throws Exception {
        try (Plane plane = new Plane(temp, objects(Plane.to("greeter", "v1"))); MeshConsumer consumer = new MeshConsumer(plane.bootstrap(), "greeter:8080", r -> r.setRetries(0))) {
            assertEquals("v1", consumer.greet("hello"));
            plane.kill();
            for (int i = 0; i < 50; i++) {
                assertEquals("v1", consumer.greet("hello"));
            }
            plane.write(objects(Plane.to("greeter", "v2")));
            plane.run();
            Plane.until("the new route is in effect", () -> consumer.greet("hello").equals("v2"));
        }
    }

    /** The application starts without a control plane, and its calls work once there is one. */
    @Test
    void startsDuringAnOutage() throws Exception {
        try (Plane plane = new Plane(temp, objects(Plane.to("greeter", "v1")))) {
            plane.kill();
            try (MeshConsumer consumer = new MeshConsumer(plane.bootstrap(), "greeter:8080")) {
                assertTrue(assertThrows(RpcException.class, () -> consumer.greet("hello")).getMessage().contains("control plane"));
                plane.run();
                Plane.until("calls work", () -> {
                    try {
                        return consumer.greet("hello").equals("v1");
                    } catch (RpcException e) {
                        return false;
                    }
                });
            }
        }
    }

    /** A provider that ends before the control plane hears of it is passed over. */
    @Test
    void passesOverAProviderThatIsAway() throws Exception {
        try (Provider ending = new Provider("v3").ready();
            Plane plane = new Plane(temp, Plane.service("greeter", v1.endpoint(), ending.endpoint())); MeshConsumer consumer = new MeshConsumer(plane.bootstrap(), "greeter:8080")) {
            Plane.until("both are called", () -> consumer.greet("hello").equals("v3"));
            ending.close();
            Plane.until("all calls are answered again", () -> { // those that are sent to the dying process are lost
                for (int i = 0; i < 30; i++) {
                    try {
                        assertEquals("v1", consumer.greet("hello"));
                    } catch (RpcException e) {
                        return false;
                    }
                }
                return true;
            });
        }
    }

    /** A call that is under way ends as it would have, though its endpoint is not in the mesh any more. */
    @Test
    void letsCallsEndWhoseEndpointIsRemoved() throws Exception {
        try (Plane plane = new Plane(temp, objects(Plane.to("greeter", "v1"))); MeshConsumer consumer = new MeshConsumer(plane.bootstrap(), "greeter:8080", r -> r.setRetries(0))) {
            assertEquals("v1", consumer.greet("hello"));
            CompletableFuture<String> slow = CompletableFuture.supplyAsync(() -> consumer.greet("slow v1"));
            Plane.until("the call is under way", () -> consumer.greet("how many slow").equals("v1 1"));
            plane.write(Plane.service("greeter", v2.endpoint()));
            Plane.until("calls go to v2", () -> consumer.greet("hello").equals("v2"));
            assertEquals("v1", slow.get(20, TimeUnit.SECONDS));
        }
    }

    @Test
    void limitsCalls() throws Exception {
        try (Plane plane = new Plane(temp, objects("{match: [{headers: {x-short: {}}}], timeout: 300ms, " + Plane.to("greeter", "v1") + "}", Plane.to("greeter", "v1")));
            MeshConsumer consumer = new MeshConsumer(plane.bootstrap(), "greeter:8080")) {
            long start = System.nanoTime();
            RpcException e = assertThrows(RpcException.class, () -> consumer.greet("slow v1", "x-short", "1"));
            long took = (System.nanoTime() - start) / 1_000_000;
            assertTrue(e.isTimeout() || e.toString().contains("DEADLINE_EXCEEDED"), e.toString());
            assertTrue(took < 2900, "the rule's 300 ms, with all attempts, took " + took + " ms");
            assertEquals("v1", consumer.greet("slow v1"), "the limit of the call before is gone");
        }
    }

    /** The limit of a rule begins after its delay, so a delay that is longer fails no call. */
    @Test
    void limitsCallsAfterTheDelay() throws Exception {
        try (Plane plane = new Plane(temp, objects("{match: [{headers: {x-slow: {}}}], fault: {delay: {fixedDelay: 4100ms, percentage: {value: 100}}}, timeout: 4s, "
                + Plane.to("greeter", "v1") + "}", Plane.to("greeter", "v1")));
            MeshConsumer consumer = new MeshConsumer(plane.bootstrap(), "greeter:8080")) {
            assertEquals("v1", consumer.greet("hello"), "the first call of a process is slow");
            assertEquals("v1", consumer.greet("hello", "x-slow", "1"));
        }
    }

    @Test
    void injectsFaults() throws Exception {
        try (Plane plane = new Plane(temp, objects("{fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}, " + Plane.to("greeter", "v1") + "}"));
            MeshConsumer consumer = new MeshConsumer(plane.bootstrap(), "greeter:8080")) {
            assertTrue(assertThrows(RpcException.class, () -> consumer.greet("hello")).getMessage().contains("a rule of the mesh answers"));
        }
    }

    /** An endpoint that fails five calls in a row is left out for a while. An exception of the provider's own is no failure. */
    @Test
    void ejectsAnEndpointThatFails() throws Exception {
        String rule = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: greeter, namespace: demo}\n"
                + "spec: {host: greeter, trafficPolicy: {outlierDetection: {interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 100}}}";
        try (Plane plane = new Plane(temp, Plane.service("greeter", v1.endpoint(), v2.endpoint()), rule);
            MeshConsumer consumer = new MeshConsumer(plane.bootstrap(), "greeter:8080", r -> r.setRetries(0))) {
            for (int i = 0; i < 20; i++) {
                assertThrows(IllegalArgumentException.class, () -> consumer.greet("fail"));
            }
            AtomicBoolean first = new AtomicBoolean(), second = new AtomicBoolean();
            Plane.until("both are called", () -> {
                (consumer.greet("hello").equals("v1") ? first : second).set(true);
                return first.get() && second.get();
            });
            Plane.until("calls go to v1", () -> {
                for (int failed = 0, calls = 0; failed < 6 && calls < 100; calls++) { // 100 are enough if v2 is ejected already
                    try {
                        consumer.greet("slow v2", "timeout", "1000");
                    } catch (RpcException e) {
                        failed++;
                    }
                }
                for (int i = 0; i < 20; i++) {
                    if (!consumer.greet("hello").equals("v1")) {
                        return false;
                    }
                }
                return true;
            });
        }
    }

    /** References without the mesh are left alone. */
    @Test
    void leavesOtherReferencesAlone() throws Exception {
        try (Plane plane = new Plane(temp, objects(Plane.to("greeter", "v1")));
            MeshConsumer direct = new MeshConsumer(plane.bootstrap(), "greeter:8080", r -> r.setUrl("tri://127.0.0.1:" + v2.port))) {
            assertEquals("v2", direct.greet("hello"));
        }
    }

    /** An application that keeps its registry, and moves some references to the mesh. The other registry is another mesh here. */
    @Test
    void sharesAnApplicationWithAnotherRegistry() throws Exception {
        try (Plane plane = new Plane(temp.resolve("a"), objects(Plane.to("greeter", "v1"))); Plane other = new Plane(temp.resolve("b"), objects(Plane.to("greeter", "v2")))) {
            RegistryConfig second = MeshConsumer.registry(other.bootstrap());
            second.setId("other");
            try (MeshConsumer moved = new MeshConsumer(plane.bootstrap(), "greeter:8080", r -> r.setRegistryIds("mesh"), second);
                MeshConsumer left = new MeshConsumer(plane.bootstrap(), "greeter:8080", r -> { }, second)) {
                for (int i = 0; i < 10; i++) {
                    assertEquals("v1", moved.greet("hello"));
                    assertEquals("v2", left.greet("hello"));
                }
            }
        }
    }

    /** The name of the service must be known before the first call. */
    @Test
    void refusesAReferenceWithoutAName() throws Exception {
        try (Plane plane = new Plane(temp, objects(Plane.to("greeter", "v1")))) {
            for (String name : new String[] {"", "greeter:8080,other:8080", "greeter:grpc"}) {
                assertTrue(assertThrows(IllegalStateException.class, () -> new MeshConsumer(plane.bootstrap(), name)).toString().contains("providedBy"), name);
            }
        }
    }
}
