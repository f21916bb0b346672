package dev.mizzen.agent.core.balance;

import dev.mizzen.agent.core.tls.UpstreamTls;
import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import java.util.Collections;
import java.util.Map;

/** An envoy.config.cluster.v3.Cluster. */
public final class ClusterConfig {
    static final int ROUND_ROBIN = 0, LEAST_REQUEST = 1, RING_HASH = 2, RANDOM = 3, MAGLEV = 5;
    private static final int STATIC = 0, STRICT_DNS = 1, LOGICAL_DNS = 2, EDS = 3;
    private static final String RAW_BUFFER = "envoy.transport_sockets.raw_buffer";

    public String name = "";
    private int type = STATIC;
    private String serviceName = "";
    /** Whether the endpoints come from the stream that the cluster came from. */
    private boolean isFromStream;
    /** The endpoints, if the cluster has its own. */
    private Assignment own;
    /** 0 if it is not set. */
    public long connectTimeout;
    int policy = ROUND_ROBIN;
    int choices = 2;
    long minRing = 1024, maxRing = 8 << 20;
    /** The limits of calls at a time. -1 is no limit. */
    long maxRequests = -1, maxRetries = -1, minRetryConcurrency = 3;
    /** In percent; -1 if there is no budget. */
    double retryBudget = -1;
    OutlierDetection outliers;
    /** In percent. */
    double panic = 50;
    /** How long an endpoint warms up; 0 if it does not. */
    long slowStart;
    double aggression = 1, minWeightPercent = 10;
    /** Null if calls are in plain text. */
    public UpstreamTls tls;
    public String protocol = "";
    /** The labels that the subset selects. */
    public Map<String, String> labels = Collections.emptyMap();

    public static ClusterConfig decode(Reader r) {
        ClusterConfig c = new ClusterConfig();
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: c.name = r.string(); break;
                case 2: c.type = r.uint32(); break;
                case 3: c.eds(r.message()); break;
                case 4: c.connectTimeout = r.duration(); break;
                case 6: c.policy = r.uint32(); break;
                case 10: c.circuitBreakers(r.message()); break;
                case 19: c.outliers = OutlierDetection.decode(r.message()); break;
                case 23: c.ring(r.message()); break;
                case 24: c.transportSocket(r.message()); break;
                case 25: c.metadata(Metadata.decode(r.message())); break;
                case 27: c.common(r.message()); break;
                case 33: c.own = Assignment.decode(r.message()); break;
                case 37: c.leastRequest(r.message()); break;
                case 56: c.roundRobin(r.message()); break;
                case 22: throw new Refused("cluster \"" + c.name + "\" selects endpoints by metadata, which this client does not support");
                case 38: throw new Refused("cluster \"" + c.name + "\" is of a type that this client does not support");
                case 43:
                case 58: throw new Refused("cluster \"" + c.name + "\" selects TLS settings for each endpoint, which this client does not support");
                default: r.skip();
            }
        }
        if (c.type != STATIC && c.type != STRICT_DNS && c.type != LOGICAL_DNS && c.type != EDS) {
            throw new Refused("cluster \"" + c.name + "\" is of the unsupported type " + c.type);
        }
        if (c.type == EDS && !c.isFromStream) {
            throw new Refused("cluster \"" + c.name + "\" does not have its endpoints from the control plane's stream");
        }
        if (c.type != EDS && c.own == null) {
            throw new Refused("cluster \"" + c.name + "\" has no endpoints of its own");
        }
        if (c.policy == MAGLEV) {
            c.policy = RING_HASH; // another table for the same purpose
        }
        if (c.policy < ROUND_ROBIN || c.policy > RANDOM) {
            c.policy = ROUND_ROBIN; // the policy is in another field, which is not read
        }
        return c;
    }

    /** The name of the ClusterLoadAssignment to subscribe to, or null if the cluster has its own endpoints. */
    public String assignment() {
        return type != EDS ? null : serviceName.isEmpty() ? name : serviceName;
    }

    Assignment own() {
        return own;
    }

    private void eds(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: source(r.message()); break;
                case 2: serviceName = r.string(); break;
                default: r.skip();
            }
        }
    }

    /** Reads a ConfigSource: ads or self. */
    private void source(Reader r) {
        for (int f; (f = r.next()) != 0; r.skip()) {
            isFromStream |= f == 3 || f == 5;
        }
    }

    private void metadata(Metadata m) {
        protocol = m.protocol;
        labels = m.labels;
    }

    private void circuitBreakers(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            if (f == 1) {
                threshold(r.message());
            } else {
                r.skip();
            }
        }
    }

    private void threshold(Reader r) {
        long requests = -1, retries = -1, concurrency = 3;
        double budget = -1;
        boolean isDefault = true;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: isDefault = r.uint32() == 0; break;
                case 4: requests = r.wrapped(); break;
                case 5: retries = r.wrapped(); break;
                case 8: {
                    budget = 20;
                    Reader b = r.message();
                    for (int g; (g = b.next()) != 0; ) {
                        switch (g) {
                            case 1: budget = b.wrappedFloat64(); break;
                            case 2: concurrency = b.wrapped(); break;
                            default: b.skip();
                        }
                    }
                    break;
                }
                default: r.skip();
            }
        }
        if (isDefault) { // the other priority is for routes of high priority
            maxRequests = requests;
            maxRetries = retries;
            retryBudget = budget;
            minRetryConcurrency = concurrency;
        }
    }

    private void ring(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: minRing = r.wrapped(); break;
                case 4: maxRing = r.wrapped(); break;
                default: r.skip();
            }
        }
    }

    private void transportSocket(Reader r) {
        String socket = "", type = "";
        byte[] value = {};
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: socket = r.string(); break;
                case 3: {
                    Reader any = r.message();
                    for (int g; (g = any.next()) != 0; ) {
                        switch (g) {
                            case 1: type = any.string(); break;
                            case 2: value = any.bytes(); break;
                            default: any.skip();
                        }
                    }
                    break;
                }
                default: r.skip();
            }
        }
        if (type.equals(UpstreamTls.TYPE)) {
            tls = UpstreamTls.decode(value);
        } else if (!socket.equals(RAW_BUFFER)) {
            throw new Refused("cluster \"" + name + "\" has the transport socket " + socket + ", which this client does not support");
        }
    }

    private void common(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            if (f == 1) {
                panic = r.wrappedFloat64();
            } else {
                r.skip();
            }
        }
    }

    private void leastRequest(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: choices = (int) Math.max(2, Math.min(16, r.wrapped())); break;
                case 3: slowStart(r.message()); break;
                default: r.skip();
            }
        }
    }

    private void roundRobin(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            if (f == 1) {
                slowStart(r.message());
            } else {
                r.skip();
            }
        }
    }

    private void slowStart(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: slowStart = r.duration(); break;
                case 2: aggression = r.wrappedFloat64(); break;
                case 3: minWeightPercent = r.wrappedFloat64(); break;
                default: r.skip();
            }
        }
        if (!(aggression > 0)) {
            aggression = 1;
        }
    }
}
