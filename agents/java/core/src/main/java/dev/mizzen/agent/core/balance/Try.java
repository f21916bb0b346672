package dev.mizzen.agent.core.balance;

import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Endpoint;
import java.util.concurrent.atomic.AtomicBoolean;

/** One try of a call at one endpoint. */
final class Try extends AtomicBoolean implements Attempt {
    private static final long serialVersionUID = 1;

    private final transient Cluster cluster;
    private final transient Host host;

    Try(Cluster cluster, Host host) {
        this.cluster = cluster;
        this.host = host;
    }

    @Override
    public Endpoint endpoint() {
        return host;
    }

    @Override
    public String cluster() {
        return cluster.name;
    }

    @Override
    public void done(int status) {
        compareAndSet(false, true);
    }

    @Override
    public void failed(Throwable failure) {
        compareAndSet(false, true);
    }
}
