package dev.mizzen.agent.core.balance;

import dev.mizzen.agent.bridge.Endpoint;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** An endpoint of a cluster and what this process knows of it. It is kept when an update has the same address. */
final class Host implements Endpoint {
    private final String host;
    private final int port;
    final boolean secure;
    final long since;
    volatile Map<String, String> labels;
    final AtomicInteger active = new AtomicInteger();

    Host(String host, int port, boolean secure, Map<String, String> labels, long since) {
        this.host = host;
        this.port = port;
        this.secure = secure;
        this.labels = labels;
        this.since = since;
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
    public Map<String, String> labels() {
        return labels;
    }

    @Override
    public String toString() {
        return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
    }
}
