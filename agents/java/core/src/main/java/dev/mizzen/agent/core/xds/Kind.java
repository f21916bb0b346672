package dev.mizzen.agent.core.xds;

import dev.mizzen.agent.core.balance.Assignment;
import dev.mizzen.agent.core.balance.ClusterConfig;
import dev.mizzen.agent.core.route.RouteTable;
import dev.mizzen.agent.core.wire.Buffer;
import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A type of resource and its subscription in the state-of-the-world protocol. It is guarded by its client. */
public final class Kind {
    private static final String[] URLS = {"config.listener.v3.Listener", "config.route.v3.RouteConfiguration", "config.cluster.v3.Cluster",
        "config.endpoint.v3.ClusterLoadAssignment"};
    private static final int INVALID_ARGUMENT = 3, MAX_REJECTION = 4096;
    /** When a resource without an answer does not exist; sooner if a response came without it. */
    private static final long ABSENT_AFTER = 15_000 * Client.MILLIS, MISSED_AFTER = 1_000 * Client.MILLIS;

    final int id;
    public final String url;
    /** True if a response has all resources of the subscription, so that one that is missing does not exist. */
    final boolean whole;
    public final Map<String, Resource> resources = new LinkedHashMap<>();
    /** The version of the last accepted response, on whatever stream. */
    public String version = "";
    String nonce = "";
    /** Why the last response is rejected; null if it is accepted. */
    String rejection;
    /** A request is to be sent. */
    boolean dirty;
    /** How many requests were sent on this stream. */
    int requests;

    Kind(int id) {
        this.id = id;
        this.url = "type.googleapis.com/envoy." + URLS[id];
        this.whole = id == Client.LISTENER || id == Client.CLUSTER;
    }

    /** The short name of the type, such as Listener. */
    public String label() {
        return url.substring(url.lastIndexOf('.') + 1);
    }

    /** Begins a new stream. */
    void reset() {
        nonce = "";
        rejection = null;
        requests = 0;
        dirty = !resources.isEmpty();
        for (Resource r : resources.values()) {
            r.askedAt = 0;
        }
    }

    byte[] request(byte[] node, long now) {
        Buffer b = new Buffer(256).string(1, version);
        if (node != null) {
            b.bytes(2, node);
        }
        for (Resource r : resources.values()) {
            b.string(3, r.name);
            if (r.askedAt == 0) {
                r.askedAt = now;
            }
        }
        b.string(4, url).string(5, nonce);
        if (rejection != null) {
            b.message(6, new Buffer(64).number(1, INVALID_ARGUMENT).string(2, rejection));
        }
        dirty = false;
        requests++;
        return b.toBytes();
    }

    /**
     * Takes a response. What of it is wrong is the {@link #rejection}.
     *
     * @param changed gets the resources whose followers are to be told
     */
    void response(String responseVersion, String responseNonce, List<Reader> anys, List<Resource> changed) {
        Set<Resource> present = new HashSet<>();
        StringBuilder errors = new StringBuilder();
        for (Reader any : anys) {
            try {
                take(any, present, changed);
            } catch (Refused e) {
                if (errors.length() < MAX_REJECTION) {
                    errors.append(errors.length() == 0 ? "" : "; ").append(e.getMessage());
                }
            }
        }
        if (whole) {
            absent(present, changed);
        }
        nonce = responseNonce;
        if (errors.length() == 0) {
            version = responseVersion;
            rejection = null;
        } else {
            rejection = errors.toString();
        }
    }

    /** Takes one resource of a response. */
    private void take(Reader any, Set<Resource> present, List<Resource> changed) {
        String type = "";
        byte[] raw = {};
        for (int f; (f = any.next()) != 0; ) {
            switch (f) {
                case 1: type = any.string(); break;
                case 2: raw = any.bytes(); break;
                default: any.skip();
            }
        }
        if (!type.equals(url)) {
            throw new Refused("a resource has the type " + type);
        }
        Resource r = resources.get(name(new Reader(raw)));
        if (r == null) {
            return; // it was not asked for
        }
        present.add(r);
        if (r.value != null && Arrays.equals(raw, r.raw)) {
            r.refusal = null;
            return;
        }
        boolean first = !r.answered;
        r.answered = true;
        try {
            r.value = decode(new Reader(raw));
            r.raw = raw;
            r.refusal = null;
            changed.add(r);
        } catch (RuntimeException e) {
            r.refusal = e instanceof Refused ? e.getMessage() : e.toString();
            if (first) {
                changed.add(r);
            }
            throw new Refused(r.name + ": " + r.refusal);
        }
    }

    /** What a whole response does not have does not exist, unless the response may be older than the request for it. */
    private void absent(Set<Resource> present, List<Resource> changed) {
        for (Resource r : resources.values()) {
            if (present.contains(r) || r.askedAt == 0) {
                continue;
            }
            if (r.value != null || !r.answered && requests == 1) {
                r.value = null;
                r.raw = null;
                r.answered = true;
                changed.add(r);
            } else {
                r.missed = true;
            }
        }
    }

    /** Decides about resources that were not answered for too long: they do not exist. Returns when to call again. */
    long expire(long now, List<Resource> gone) {
        long next = now + Client.NEVER;
        for (Resource r : resources.values()) {
            if (r.answered || r.askedAt == 0) {
                continue;
            }
            long due = r.askedAt + (r.missed ? MISSED_AFTER : ABSENT_AFTER);
            if (due - now <= 0) {
                r.answered = true;
                gone.add(r);
            } else {
                next = Math.min(next, due);
            }
        }
        return next;
    }

    Object decode(Reader r) {
        switch (id) {
            case Client.LISTENER: return Listener.decode(r);
            case Client.ROUTES: return RouteTable.decode(r);
            case Client.CLUSTER: return ClusterConfig.decode(r);
            default: return Assignment.decode(r);
        }
    }

    /** Reads only the name of a resource: field 1 in each type. */
    static String name(Reader r) {
        String name = "";
        for (int f; (f = r.next()) != 0; ) {
            if (f == 1) {
                name = r.string();
            } else {
                r.skip();
            }
        }
        return name;
    }
}
