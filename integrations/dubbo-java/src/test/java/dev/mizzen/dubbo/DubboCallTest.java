package dev.mizzen.dubbo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.HeaderEdits;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.dubbo.common.URL;
import org.apache.dubbo.registry.client.event.ServiceInstancesChangedEvent;
import org.apache.dubbo.registry.client.event.listener.ServiceInstancesChangedListener;
import org.apache.dubbo.rpc.Invoker;
import org.apache.dubbo.rpc.RpcException;
import org.apache.dubbo.rpc.RpcInvocation;
import org.apache.dubbo.rpc.model.ApplicationModel;
import org.junit.jupiter.api.Test;

/** What becomes of the attempts of a call, and of changes that Dubbo does not take. */
class DubboCallTest {
    private static final URL CONSUMER = URL.valueOf("consumer://127.0.0.1/" + Greeter.class.getName() + "?interface=" + Greeter.class.getName());
    /** How each attempt ended, in their order: null, a status, or "failed". */
    private final List<String> ends = new ArrayList<>();
    /** The port of each attempt; 0 is none, and a port below 0 demands TLS. */
    private int[] ports = {};
    private int made;
    private long timeout, delay;
    private volatile CompletableFuture<Service.Presence> change = new CompletableFuture<>();
    private volatile List<Endpoint> endpoints = Collections.emptyList();
    private final Service mesh = fake(Service.class, (proxy, method, args) -> {
        switch (method.getName()) {
            case "presence":
            case "await": return Service.Presence.KNOWN;
            case "nextChange": return change;
            case "endpoints": return endpoints;
            case "plan": return plan();
            default: return null;
        }
    });
    private final Followed followed = new Followed("greeter:8080", mesh, ApplicationModel.defaultModel());
    private final RpcInvocation invocation = new RpcInvocation();
    private final MeshCall call = new MeshCall(followed, CONSUMER, invocation);

    private static <T> T fake(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
    }

    private Plan plan() {
        HeaderEdits none = fake(HeaderEdits.class, (proxy, method, args) -> method.getReturnType() == boolean.class ? true : null);
        return fake(Plan.class, (proxy, method, args) -> {
            switch (method.getName()) {
                case "timeoutNanos": return timeout;
                case "delayNanos": return delay;
                case "requestHeaders": return none;
                case "attempt": return made < ports.length && ports[made] != 0 ? attempt(ports[made++]) : null;
                default: return null;
            }
        });
    }

    private static Endpoint endpoint(int port) {
        return fake(Endpoint.class, (proxy, method, args) -> {
            switch (method.getName()) {
                case "host": return "127.0.0.1";
                case "port": return Math.abs(port);
                case "secure": return port < 0;
                default: return null;
            }
        });
    }

    private Attempt attempt(int port) {
        int n = ends.size();
        ends.add(null);
        return fake(Attempt.class, (proxy, method, args) -> {
            if (method.getName().equals("endpoint")) {
                return endpoint(port);
            }
            if (ends.get(n) == null) {
                ends.set(n, method.getName().equals("failed") ? "failed" : String.valueOf(args[0]));
            }
            return null;
        });
    }

    @SuppressWarnings("unchecked")
    private static Invoker<Greeter> invoker(int port, boolean available) {
        return fake(Invoker.class, (proxy, method, args) -> {
            switch (method.getName()) {
                case "getUrl": return URL.valueOf("tri://127.0.0.1:" + port);
                case "isAvailable": return available;
                default: return null;
            }
        });
    }

    private void begin(int... ports) {
        this.ports = ports;
        invocation.setMethodName("greet");
        call.begin();
    }

    @Test
    void endsAnAttemptWithoutTimeAsNotMade() {
        timeout = 1;
        begin(1);
        assertNull(call.choose(Arrays.asList(invoker(1, true))));
        call.ended(new RpcException("no provider"));
        assertEquals("[0]", ends.toString());
        call.restore();
    }

    @Test
    void beginsTheLimitAfterTheDelay() {
        timeout = TimeUnit.SECONDS.toNanos(2);
        delay = TimeUnit.MILLISECONDS.toNanos(2100);
        begin(1);
        Invoker<Greeter> invoker = invoker(1, true);
        assertSame(invoker, call.choose(Arrays.asList(invoker)));
        call.ended(null);
        assertEquals("[200]", ends.toString());
        call.restore();
    }

    @Test
    void endsAttemptsWithoutInvokersAsNotMade() {
        begin(1, 2, 1);
        assertNull(call.choose(Collections.<Invoker<Greeter>>emptyList()));
        call.ended(new RpcException("no provider"));
        assertEquals("[0, 0, 0]", ends.toString());
    }

    @Test
    void endsAnAttemptThatDemandsTls() {
        begin(1, -2);
        assertNull(call.choose(Collections.<Invoker<Greeter>>emptyList()));
        assertEquals("[0, 0]", ends.toString());
    }

    /** The attempt that is under way is that of the invoker that is returned, though others were looked at after it. */
    @Test
    void keepsTheAttemptOfTheInvokerThatItFound() {
        begin(1, 2, 1, 2, 3);
        Invoker<Greeter> one = invoker(1, true), two = invoker(2, false);
        List<Invoker<Greeter>> both = Arrays.asList(one, two);
        assertSame(one, call.choose(both));
        call.ended(new RpcException("broken"));
        assertSame(one, call.choose(both), "the one with a connection is better");
        assertEquals("[failed, failed, null, failed, 0]", ends.toString());
        call.ended(null);
        assertEquals("[failed, failed, 200, failed, 0]", ends.toString());
    }

    @Test
    void leavesAnAttemptThatNoFilterEnded() {
        begin(1);
        Invoker<Greeter> invoker = invoker(1, true);
        assertSame(invoker, call.choose(Arrays.asList(invoker)));
        new MeshClusterFilter().onError(new RpcException("a router took it away"), null, invocation);
        assertEquals("[0]", ends.toString());
    }

    /** A listener that throws does not keep others, and later changes, from Dubbo. */
    @Test
    void goesOnAfterAListenerThrows() throws Exception {
        BlockingQueue<Integer> told = new LinkedBlockingQueue<>();
        for (boolean fails : new boolean[] {true, false, true}) {
            followed.add(new ServiceInstancesChangedListener(Collections.singleton("greeter:8080"), null) {
                @Override
                public void onEvent(ServiceInstancesChangedEvent event) {
                    if (fails) {
                        throw new IllegalStateException("a listener's own fault");
                    }
                    told.add(event.getServiceInstances().size());
                }
            });
        }
        followed.has(CONSUMER);
        told.clear();
        for (int n = 1; n < 4; n++) {
            List<Endpoint> now = new ArrayList<>();
            for (int port = 1; port <= n; port++) {
                now.add(endpoint(port));
            }
            endpoints = now;
            CompletableFuture<Service.Presence> old = change;
            change = new CompletableFuture<>();
            old.complete(Service.Presence.KNOWN);
            assertEquals(n, told.poll(10, TimeUnit.SECONDS));
        }
        long start = System.nanoTime();
        followed.ensure(endpoint(3));
        followed.close();
        followed.ensure(endpoint(9));
        assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(2), "a closed registry lets no caller wait");
    }
}
