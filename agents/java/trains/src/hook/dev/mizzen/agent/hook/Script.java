package dev.mizzen.agent.hook;

import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.HeaderEdits;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.bridge.Service;
import dev.mizzen.agent.bridge.Tls;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A mesh of one service whose plan a test writes. */
final class Script implements Mesh, Service, Plan {
    final CompletableFuture<Presence> presence = new CompletableFuture<>();
    /** How each attempt ended, in order. */
    final List<String> ends = new CopyOnWriteArrayList<>();
    final List<Script> mirrors = new ArrayList<>();
    volatile Request request;
    Mode mode = Mode.MESH_FIRST;
    /** Null if endpoints are in plain text. */
    Tls tls;
    int[] ports = {};
    int status;
    long delay, timeout, perTry;
    int retries;
    String path, query, host, lane, inbound, plain = "orders", address = "127.0.0.1";
    /** The lanes that were set, in order. */
    final List<String> lanes = new CopyOnWriteArrayList<>();
    Consumer<HeaderEdits.Headers> requestEdits, responseEdits;
    private int picked;

    static Script known(int... ports) {
        Script script = new Script();
        script.presence.complete(Presence.KNOWN);
        script.ports = ports;
        return script;
    }

    @Override
    public Service service(String name, int port) {
        return this;
    }

    @Override
    public boolean plain(String host) {
        return plain.equals(host);
    }

    @Override
    public Collection<String> services() {
        return Collections.singleton("orders");
    }

    @Override
    public String lane(String lane) {
        lanes.add(String.valueOf(lane));
        return null;
    }

    @Override
    public String lane() {
        return lane;
    }

    @Override
    public String laneOf(Request request) {
        return inbound;
    }

    @Override
    public HeaderEdits laneHeaders(Request request) {
        return edits(lane == null ? null : h -> h.set("x-lane", lane));
    }

    @Override
    public String state() {
        return "{}";
    }

    @Override
    public void close() {
    }

    @Override
    public String name() {
        return "orders";
    }

    @Override
    public Mode mode() {
        return mode;
    }

    @Override
    public Presence presence() {
        return presence.getNow(Presence.PENDING);
    }

    @Override
    public CompletionStage<Presence> settled() {
        return presence.thenApply(p -> p);
    }

    @Override
    public Presence await() {
        return presence.join();
    }

    @Override
    public Plan plan(Request request) {
        this.request = request;
        return this;
    }

    @Override
    public List<Endpoint> endpoints() {
        List<Endpoint> all = new ArrayList<>();
        for (int port : ports) {
            all.add(endpoint(port));
        }
        return all;
    }

    @Override
    public Answer answer() {
        return status == 0 ? null : new Answer() {
            @Override
            public int status() {
                return status;
            }

            @Override
            public Map<String, String> headers() {
                return Collections.singletonMap("x-answer", "mesh");
            }

            @Override
            public byte[] body() {
                return "answered".getBytes(StandardCharsets.UTF_8);
            }
        };
    }

    @Override
    public long delayNanos() {
        return TimeUnit.MILLISECONDS.toNanos(delay);
    }

    @Override
    public String path() {
        return path == null ? request.path() : path;
    }

    @Override
    public String query() {
        return query == null ? request.query() : query;
    }

    @Override
    public String host() {
        return host;
    }

    @Override
    public HeaderEdits requestHeaders() {
        return edits(requestEdits);
    }

    @Override
    public HeaderEdits responseHeaders() {
        return edits(responseEdits);
    }

    private static HeaderEdits edits(Consumer<HeaderEdits.Headers> edits) {
        return new HeaderEdits() {
            @Override
            public boolean isEmpty() {
                return edits == null;
            }

            @Override
            public void apply(Headers headers) {
                if (edits != null) {
                    edits.accept(headers);
                }
            }
        };
    }

    @Override
    public long timeoutNanos() {
        return TimeUnit.MILLISECONDS.toNanos(timeout);
    }

    @Override
    public long perTryTimeoutNanos() {
        return TimeUnit.MILLISECONDS.toNanos(perTry);
    }

    @Override
    public boolean retry(int retry, int status, Throwable failure) {
        return retry <= retries && (failure != null || status >= 500);
    }

    @Override
    public long backoffNanos(int retry) {
        return 1;
    }

    @Override
    public long connectTimeoutNanos() {
        return 0;
    }

    @Override
    public List<Plan> mirrors() {
        mirrors.forEach(m -> m.request = request);
        return new ArrayList<>(mirrors);
    }

    /** The ports in turn; in mode MERGE those of the registry first. */
    @Override
    public Attempt attempt(Supplier<List<? extends Endpoint>> registry) {
        List<Endpoint> all = new ArrayList<>();
        if (mode == Mode.MERGE) {
            all.addAll(registry.get());
        }
        all.addAll(endpoints());
        if (all.isEmpty()) {
            return null;
        }
        Endpoint chosen = all.get(picked++ % all.size());
        return new Attempt() {
            @Override
            public Endpoint endpoint() {
                return chosen;
            }

            @Override
            public String cluster() {
                return "orders";
            }

            @Override
            public void done(int status) {
                ends.add(String.valueOf(status));
            }

            @Override
            public void failed(Throwable failure) {
                ends.add("failed");
            }
        };
    }

    @Override
    public String failure() {
        return "the cluster orders has no endpoint";
    }

    private Endpoint endpoint(int port) {
        return new Endpoint() {
            @Override
            public String host() {
                return address;
            }

            @Override
            public int port() {
                return port;
            }

            @Override
            public boolean secure() {
                return tls != null;
            }

            @Override
            public Tls tls() {
                return tls;
            }

            @Override
            public Map<String, String> labels() {
                return Collections.emptyMap();
            }
        };
    }

    @Override
    public String toString() {
        return "ports " + Arrays.toString(ports) + ", ends " + ends;
    }
}
