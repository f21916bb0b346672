package dev.mizzen.agent.core.balance;

import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Tls;
import dev.mizzen.agent.core.tls.UpstreamTls;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLException;

/** An endpoint of a cluster and what this process knows of it. It is kept when an update has the same address. */
final class Host implements Endpoint {
    private final String host;
    private final int port;
    private final boolean secure;
    /** Null if the mesh demands no TLS. */
    final UpstreamTls demand;
    /** When it came, for warming up, in the time of System.nanoTime; 0 if it was there from the beginning. */
    final long since;
    /** What callers get: this, or the instance of the application's registry. */
    final Endpoint endpoint;
    volatile Map<String, String> labels;
    volatile int weight = 1;
    volatile int health = Assignment.HEALTHY;
    /** Calls in flight. */
    final AtomicInteger active = new AtomicInteger();

    // Outlier detection. Written with the cluster locked, except that a success sets the counters to 0.
    volatile int failures5xx, failuresGateway, failuresLocal;
    /** How often in a row it was ejected, and the end of the last ejection; 0 if there was none. */
    int ejections;
    volatile long ejectedUntil;

    Host(String host, int port, UpstreamTls demand, Map<String, String> labels, long since) {
        this.host = host;
        this.port = port;
        this.secure = demand != null;
        this.demand = demand;
        this.labels = labels;
        this.since = since;
        this.endpoint = this;
    }

    /** An instance of the application's registry. */
    Host(Endpoint instance) {
        this.host = instance.host();
        this.port = instance.port();
        this.secure = instance.secure();
        this.demand = null;
        this.labels = instance.labels();
        this.since = 0;
        this.endpoint = instance;
    }

    static String key(String host, int port) {
        return host + ' ' + port;
    }

    boolean isEjected(long now) {
        long until = ejectedUntil;
        return until != 0 && until - now > 0;
    }

    @Override
    public String host() {
        return host;
    }

    @Override
    public int port() {
        return port;
    }

    @Override
    public boolean secure() {
        return secure;
    }

    @Override
    public Tls tls() throws SSLException {
        return demand == null ? null : demand.now();
    }

    @Override
    public Map<String, String> labels() {
        return labels;
    }

    @Override
    public String toString() {
        return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
    }
}
