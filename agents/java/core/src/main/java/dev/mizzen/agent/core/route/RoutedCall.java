package dev.mizzen.agent.core.route;

import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.HeaderEdits;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.core.balance.Cluster;
import dev.mizzen.agent.core.balance.Try;
import dev.mizzen.agent.core.wire.Fraction;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.function.Supplier;

/** What the routes decided about one call. One call uses it, from one thread at a time. */
public final class RoutedCall implements Plan {
    static final HeaderEdits NO_EDITS = new Levels(null, new ArrayList<Edits>(0), null);
    private static final byte[] EMPTY = {};
    private static final byte[] ABORTED = {'f', 'a', 'u', 'l', 't', ' ', 'f', 'i', 'l', 't', 'e', 'r', ' ', 'a', 'b', 'o', 'r', 't'};

    private final Routes routes;
    /** The request with its lane. */
    private final Request request;
    /** Null if no route matches. */
    private Route route;
    /** Null if the call is answered. */
    private Target target;
    private Cluster cluster;
    private String[] problem = {""};
    private Answer answer;
    private long delay;
    private String path;
    private RetryPolicy retry;
    /** There was an attempt; the attempts whose hosts a retry avoids. */
    private boolean attempted;
    private Collection<Try> avoided = Collections.emptyList();
    private final boolean merge;
    private boolean isMirror;
    private String kept;

    private RoutedCall(Routes routes, Request request, boolean merge) {
        this.routes = routes;
        this.request = request;
        this.merge = merge;
        this.path = request.path();
    }

    /** @param merge the application's registry has endpoints, too */
    public static RoutedCall of(Routes routes, Request request, Lanes lanes, boolean merge) {
        RoutedCall call = new RoutedCall(routes, lanes.with(request), merge);
        if (routes.problem != null) {
            call.problem[0] = routes.problem;
            return call;
        }
        try {
            call.decide();
        } catch (Regex.TooSlow e) {
            call.problem[0] = e.getMessage();
            call.target = null;
            call.cluster = null;
        }
        return call;
    }

    private void decide() {
        route = routes.host.route(request);
        if (route == null) {
            problem[0] = "no route matches";
            return;
        }
        if (!route.targets.isEmpty()) {
            aim(route.target());
        }
        retry = route.retry != null ? route.retry : routes.host.retry;
        Fault fault = target != null && target.fault != null ? target.fault : route.fault != null ? route.fault : routes.host.fault;
        if (fault != null && fault.applies(request)) {
            delay = Fraction.hit(fault.delayShare) ? fault.delay : 0;
            if (fault.abortStatus != 0 && Fraction.hit(fault.abortShare)) {
                answer = new Fixed(fault.abortStatus, null, ABORTED);
                return;
            }
        }
        if (target != null) {
            path = route.rewrite(path);
            return;
        }
        Fixed fixed = route.redirect != null ? new Fixed(route.redirect.status, route.redirect.location(route, request), EMPTY)
            : new Fixed(route.directStatus, null, route.directBody);
        edits(false).apply(fixed);
        answer = fixed;
    }

    private void aim(Target t) {
        target = t;
        cluster = routes.clusters.get(t.cluster);
        if (cluster == null) {
            problem[0] = "the cluster " + t.cluster + " does not exist, or it was rejected";
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
        String rewritten = target == null ? null : target.host != null && !target.host.isEmpty() ? target.host : route.hostRewrite;
        return rewritten == null || rewritten.isEmpty() ? kept : rewritten;
    }

    /** Has providers see the authority that the application wrote, unless a route rewrites it. */
    public RoutedCall keepAuthority() {
        kept = request.authority();
        return this;
    }

    @Override
    public HeaderEdits requestHeaders() {
        return edits(true);
    }

    /** An answer has its changes already. */
    @Override
    public HeaderEdits responseHeaders() {
        return answer != null ? NO_EDITS : edits(false);
    }

    private HeaderEdits edits(boolean ofRequest) {
        HeaderEdits lane = ofRequest && request instanceof HeaderEdits ? (HeaderEdits) request : null;
        if (route == null) {
            return lane == null ? NO_EDITS : lane;
        }
        List<Edits> levels = null;
        levels = add(levels, target == null ? Edits.NONE : ofRequest ? target.request : target.response);
        levels = add(levels, ofRequest ? route.request : route.response);
        levels = add(levels, ofRequest ? routes.host.request : routes.host.response);
        levels = add(levels, ofRequest ? routes.table.request : routes.table.response);
        if (levels == null) {
            return lane == null ? NO_EDITS : lane;
        }
        if (routes.table.mostSpecificLast) {
            Collections.reverse(levels);
        }
        return new Levels(lane, levels, request);
    }

    private static List<Edits> add(List<Edits> levels, Edits edits) {
        if (edits.isEmpty()) {
            return levels;
        }
        List<Edits> all = levels == null ? new ArrayList<Edits>(4) : levels;
        all.add(edits);
        return all;
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
    public boolean retry(int n, int status, Throwable failure) {
        return retry != null && n <= retry.retries && retry.covers(status, failure) && cluster != null && cluster.mayRetry();
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
        if (isMirror || answer != null || route == null || route.mirrors.isEmpty()) {
            return Collections.emptyList();
        }
        List<Plan> mirrors = new ArrayList<>(route.mirrors.size());
        for (Target t : route.mirrors) {
            if (Fraction.hit((int) t.weight)) {
                RoutedCall mirror = new RoutedCall(routes, request, false);
                mirror.isMirror = true;
                mirror.route = route;
                mirror.path = path;
                mirror.aim(t);
                mirrors.add(mirror);
            }
        }
        return mirrors;
    }

    @Override
    public Attempt attempt(Supplier<List<? extends Endpoint>> registry) {
        if (cluster == null || answer != null) {
            return null;
        }
        Try t = cluster.attempt(hash(), attempted, avoided, merge && registry != null ? registry.get() : null, problem);
        if (t != null) {
            attempted = true;
            if (retry != null && retry.avoidsTried) {
                if (avoided.isEmpty()) {
                    avoided = new ArrayList<>(1);
                }
                avoided.add(t);
            }
        }
        return t;
    }

    /** Returns what the ring selects by; null if the route does not say, or the request does not have it. */
    private Long hash() {
        if (route.hashes.isEmpty() || !cluster.usesHash()) {
            return null;
        }
        long hash = 0;
        boolean any = false;
        for (HashPolicy p : route.hashes) {
            String value;
            try {
                value = p.value(request);
            } catch (Regex.TooSlow e) {
                continue;
            }
            if (value != null) {
                hash = (hash << 1 | hash >>> 63) ^ Cluster.hash(value);
                any = true;
                if (p.terminal) {
                    break;
                }
            }
        }
        return any ? hash : null;
    }

    @Override
    public String failure() {
        return problem[0];
    }

    /** The edits of all levels, after those of the lane. */
    private static final class Levels implements HeaderEdits {
        private final HeaderEdits lane;
        private final List<Edits> levels;
        private final Request request;

        Levels(HeaderEdits lane, List<Edits> levels, Request request) {
            this.lane = lane;
            this.levels = levels;
            this.request = request;
        }

        @Override
        public boolean isEmpty() {
            return lane == null && levels.isEmpty();
        }

        @Override
        public void apply(Headers headers) {
            if (lane != null) {
                lane.apply(headers);
            }
            for (int i = 0; i < levels.size(); i++) {
                levels.get(i).apply(headers, request);
            }
        }
    }
}
