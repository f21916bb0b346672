package dev.mizzen.agent.core.route;

import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.HeaderEdits;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.core.balance.Cluster;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** What the routes decided about one call. */
public final class RoutedCall implements Plan {
    private static final byte[] EMPTY = {};
    private static final byte[] ABORTED = {'f', 'a', 'u', 'l', 't', ' ', 'f', 'i', 'l', 't', 'e', 'r', ' ', 'a', 'b', 'o', 'r', 't'};

    private final Routes routes;
    private final Request request;
    /** Null if no route matches. */
    private final Route route;
    /** Null if the call is answered. */
    private final Target target;
    private final Cluster cluster;
    private String failure = "";
    private Answer answer;
    private long delay;
    private String path;
    private RetryPolicy retry;

    private RoutedCall(Routes routes, Request request, Route route, Target target) {
        this.routes = routes;
        this.request = request;
        this.route = route;
        this.target = target;
        this.cluster = target == null ? null : routes.clusters.get(target.cluster);
        this.path = request.path();
    }

    public static RoutedCall of(Routes routes, Request request) {
        if (routes.host == null) {
            return failing(routes, request, routes.problem != null ? routes.problem : "the routes have no virtual host for the service");
        }
        try {
            Route route = routes.host.route(request);
            if (route == null) {
                return failing(routes, request, "no route matches");
            }
            RoutedCall call = new RoutedCall(routes, request, route, route.targets.isEmpty() ? null : route.target());
            call.decide();
            return call;
        } catch (Regex.TooSlow e) {
            return failing(routes, request, e.getMessage());
        }
    }

    private static RoutedCall failing(Routes routes, Request request, String why) {
        RoutedCall call = new RoutedCall(routes, request, null, null);
        call.failure = why;
        return call;
    }

    private void decide() {
        retry = route.retry != null ? route.retry : routes.host.retry;
        Fault fault = target != null && target.fault != null ? target.fault : route.fault != null ? route.fault : routes.host.fault;
        if (fault != null && fault.applies(request)) {
            delay = dev.mizzen.agent.core.wire.Fraction.hit(fault.delayShare) ? fault.delay : 0;
            if (fault.abortStatus != 0 && dev.mizzen.agent.core.wire.Fraction.hit(fault.abortShare)) {
                answer = new Fixed(fault.abortStatus, null, ABORTED);
                return;
            }
        }
        if (route.redirect != null) {
            answer = new Fixed(route.redirect.status, route.redirect.location(route, request), EMPTY);
        } else if (route.directStatus != 0) {
            answer = new Fixed(route.directStatus, null, route.directBody);
        } else {
            path = route.rewrite(path);
        }
    }

    @Override
    public Answer answer() {
        return answer;
    }

    @Override
    public long delayNanos() {
        return delay;
    }

    @Override
    public String path() {
        return path;
    }

    @Override
    public String query() {
        return request.query();
    }

    @Override
    public String host() {
        return target == null ? null : target.host != null && !target.host.isEmpty() ? target.host : route.hostRewrite;
    }

    @Override
    public HeaderEdits requestHeaders() {
        return edits(true);
    }

    @Override
    public HeaderEdits responseHeaders() {
        return edits(false);
    }

    private HeaderEdits edits(final boolean ofRequest) {
        final List<Edits> levels = new ArrayList<>(4);
        if (route != null) {
            add(levels, target == null ? Edits.NONE : ofRequest ? target.request : target.response);
            add(levels, ofRequest ? route.request : route.response);
            add(levels, ofRequest ? routes.host.request : routes.host.response);
            add(levels, ofRequest ? routes.table.request : routes.table.response);
            if (routes.table.mostSpecificLast) {
                Collections.reverse(levels);
            }
        }
        return new Levels(levels, request);
    }

    private static void add(List<Edits> levels, Edits edits) {
        if (!edits.isEmpty()) {
            levels.add(edits);
        }
    }

    @Override
    public long timeoutNanos() {
        return route == null ? 0 : route.timeout;
    }

    @Override
    public long perTryTimeoutNanos() {
        return retry == null ? 0 : retry.perTryTimeout;
    }

    @Override
    public boolean retry(int n, int status, Throwable cause) {
        return retry != null && n <= retry.retries && retry.covers(status, cause);
    }

    @Override
    public long backoffNanos(int n) {
        return retry == null ? 0 : retry.backoff(n);
    }

    @Override
    public long connectTimeoutNanos() {
        return cluster == null ? 0 : cluster.config().connectTimeout;
    }

    @Override
    public List<Plan> mirrors() {
        return Collections.emptyList();
    }

    @Override
    public Attempt attempt(Supplier<List<? extends Endpoint>> registry) {
        if (cluster == null) {
            if (target != null) {
                failure = "the cluster " + target.cluster + " does not exist";
            }
            return null;
        }
        Attempt a = cluster.attempt();
        failure = a == null ? "the cluster " + target.cluster + " has no endpoint" : "";
        return a;
    }

    @Override
    public String failure() {
        return failure;
    }

    /** An answer of the routes. */
    private static final class Fixed implements Answer {
        private final int status;
        private final Map<String, String> headers = new LinkedHashMap<>();
        private final byte[] body;

        Fixed(int status, String location, byte[] body) {
            this.status = status;
            this.body = body;
            if (location != null) {
                headers.put("location", location);
            }
            if (body.length > 0) {
                headers.put("content-type", "text/plain");
            }
        }

        @Override
        public int status() {
            return status;
        }

        @Override
        public Map<String, String> headers() {
            return headers;
        }

        @Override
        public byte[] body() {
            return body;
        }
    }

    /** The edits of all levels. */
    private static final class Levels implements HeaderEdits {
        private final List<Edits> levels;
        private final Request request;

        Levels(List<Edits> levels, Request request) {
            this.levels = levels;
            this.request = request;
        }

        @Override
        public boolean isEmpty() {
            return levels.isEmpty();
        }

        @Override
        public void apply(Headers headers) {
            for (int i = 0; i < levels.size(); i++) {
                levels.get(i).apply(headers, request);
            }
        }
    }
}
