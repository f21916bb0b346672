package dev.mizzen.agent.core.route;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.HeaderEdits;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.core.ControlPlane;
import dev.mizzen.agent.core.TestRequest;
import dev.mizzen.agent.core.balance.Cluster;
import dev.mizzen.agent.core.wire.Fraction;
import dev.mizzen.agent.core.wire.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Random calls by random rules: the agent decides as `controlplane explain --http` says. Both read the resources that the control plane sends. */
class ExplainTest {
    private static final Lanes NO_LANES = new Lanes("lane", "x-lane", null);
    /** A draw of a cluster takes each one that has a tenth of the weight or more. */
    private static final int DRAWS = 400;
    /** The conditions that plain HTTP calls can meet, which are all that is explained. */
    private static final List<String> HTTP_CONDITIONS = java.util.Arrays.asList(
        "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx", "refused-stream", "retriable-status-codes");

    @Test
    void decidesAsExplainSays() throws Exception {
        Path file = Paths.get("target", "cases.json").toAbsolutePath();
        ControlPlane.go("test", "-count=1", "-run=^TestHTTPCases$", "./internal/explain", "-args", "-cases=" + file);
        int cases = 0;
        for (JsonElement e : JsonParser.parseString(new String(Files.readAllBytes(file), StandardCharsets.UTF_8)).getAsJsonArray()) {
            JsonObject world = e.getAsJsonObject();
            RouteTable table = RouteTable.decode(new Reader(Base64.getDecoder().decode(world.get("table").getAsString())));
            Map<String, Cluster> clusters = new HashMap<>();
            for (String name : table.clusters()) {
                clusters.put(name, RoutedCallTest.cluster(name, 1));
            }
            Routes routes = new Routes(table, clusters, "web");
            for (JsonElement c : world.getAsJsonArray("cases")) {
                JsonObject one = c.getAsJsonObject();
                assertEquals(lines(one.getAsJsonArray("want")), String.join("\n", decision(routes, request(one))), () -> one + "\nby " + world.get("rules").getAsString());
                cases++;
            }
        }
        assertTrue(cases >= 5000, cases + " cases");
    }

    private static String lines(JsonArray a) {
        List<String> all = new ArrayList<>();
        a.forEach(e -> all.add(e.getAsString()));
        return String.join("\n", all);
    }

    private static TestRequest request(JsonObject c) {
        List<String> headers = new ArrayList<>();
        for (Map.Entry<String, JsonElement> h : c.getAsJsonObject("headers").entrySet()) {
            headers.add(h.getKey());
            headers.add(h.getValue().getAsString());
        }
        String query = c.get("query").getAsString();
        return new TestRequest(c.get("method").getAsString(), c.get("path").getAsString() + (query.isEmpty() ? "" : '?' + query), headers.toArray(new String[0]))
            .at(c.get("scheme").getAsString(), c.get("authority").getAsString());
    }

    /** Describes a decision as the Go test does. */
    private static List<String> decision(Routes routes, TestRequest request) {
        List<String> all = new ArrayList<>();
        Route route = routes.host.route(request);
        if (route == null) {
            all.add(plan(routes, request).failure().replace("no route matches", "no route"));
            return all;
        }
        all.add("route " + routes.host.routes.indexOf(route) + ": " + String.join("; ", settings(route, request)));
        Answer answer = plan(routes, request).answer();
        if (answer != null) {
            boolean aborted = new String(answer.body(), StandardCharsets.UTF_8).equals("fault filter abort");
            all.add("status " + answer.status() + " location " + answer.headers().getOrDefault("location", "") + " body "
                + (aborted ? "" : new String(answer.body(), StandardCharsets.UTF_8)));
            return all;
        }
        Map<String, String> drawn = new TreeMap<>();
        Plan plan = null;
        for (int i = 0; i < DRAWS && drawn.size() < route.targets.size(); i++) {
            plan = plan(routes, request);
            Attempt attempt = plan.attempt(null);
            drawn.put(attempt.cluster(), request.method() + ' ' + plan.path() + (plan.query() == null ? "" : '?' + plan.query()) + " host " + (plan.host() == null ? "" : plan.host())
                + " request " + edits(plan.requestHeaders()) + " response " + edits(plan.responseHeaders()));
            attempt.done(200);
        }
        for (Target t : route.targets) {
            all.add(t.cluster + " weight " + t.weight + " gets " + drawn.get(t.cluster));
        }
        for (Target t : route.mirrors) {
            all.add("copy of " + percent((int) t.weight) + " to " + t.cluster);
        }
        assertEquals(route.timeout, plan.timeoutNanos());
        return all;
    }

    private static Plan plan(Routes routes, TestRequest request) {
        return RoutedCall.of(routes, request, NO_LANES, false);
    }

    private static List<String> settings(Route route, TestRequest request) {
        List<String> all = new ArrayList<>();
        if (route.timeout > 0) {
            all.add("timeout " + duration(route.timeout));
        }
        RetryPolicy retry = route.retry;
        if (retry != null) {
            String met = java.util.Arrays.stream(retry.retryOn.split(",")).filter(HTTP_CONDITIONS::contains).collect(java.util.stream.Collectors.joining(","));
            all.add("up to " + retry.retries + (retry.retries == 1 ? " retry" : " retries") + " on " + met + ", after " + duration(retry.baseInterval) + " at least"
                + (retry.avoidsTried ? ", on other endpoints if there are any" : ""));
            if (retry.statusCodes.length > 0) {
                all.add("retriable status codes " + java.util.Arrays.toString(retry.statusCodes).replaceAll("[\\[\\],]", ""));
            }
            if (retry.perTryTimeout > 0) {
                all.add("timeout of each attempt " + duration(retry.perTryTimeout));
            }
        }
        for (String edit : list(route.response, request)) {
            all.add("in the response: " + edit);
        }
        if (route.fault != null && route.fault.delay > 0) {
            all.add(percent(route.fault.delayShare) + " of the calls are delayed by " + duration(route.fault.delay));
        }
        if (route.fault != null && route.fault.abortStatus > 0) {
            all.add(percent(route.fault.abortShare) + " of the calls end with HTTP status " + route.fault.abortStatus);
        }
        return all;
    }

    /** Writes durations as Go does, below a minute. */
    private static String duration(long nanos) {
        boolean seconds = nanos >= 1_000_000_000;
        return java.math.BigDecimal.valueOf(nanos, seconds ? 9 : 6).stripTrailingZeros().toPlainString() + (seconds ? "s" : "ms");
    }

    private static String percent(int share) {
        return java.math.BigDecimal.valueOf(100L * share).divide(java.math.BigDecimal.valueOf(Fraction.ALL)).stripTrailingZeros().toPlainString() + " %";
    }

    private static String edits(HeaderEdits edits) {
        Recorder r = new Recorder();
        edits.apply(r);
        return String.join("; ", r.all);
    }

    private static List<String> list(Edits edits, TestRequest request) {
        Recorder r = new Recorder();
        edits.apply(r, request);
        return r.all;
    }

    /** Headers that write down what is done to them. */
    private static final class Recorder implements HeaderEdits.Headers {
        final List<String> all = new ArrayList<>();

        @Override
        public boolean has(String name) {
            return false;
        }

        @Override
        public void set(String name, String value) {
            all.add("set " + name + ": " + value);
        }

        @Override
        public void add(String name, String value) {
            all.add("add " + name + ": " + value);
        }

        @Override
        public void remove(String name) {
            all.add("remove " + name);
        }
    }
}
