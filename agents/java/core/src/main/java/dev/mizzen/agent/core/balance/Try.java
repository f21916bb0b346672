package dev.mizzen.agent.core.balance;

import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Endpoint;
import java.util.Collection;
import java.util.concurrent.atomic.AtomicBoolean;

/** One try of a call at one host. It is in flight from its making on; the cluster has counted it before. */
public final class Try implements Attempt {
    private static final int SERVER_ERROR = 500;

    private final Cluster cluster;
    final Host host;
    private final boolean retry;
    private final AtomicBoolean ended = new AtomicBoolean();

    Try(Cluster cluster, Host host, boolean retry) {
        this.cluster = cluster;
        this.host = host;
        this.retry = retry;
        host.active.incrementAndGet();
        if (retry) {
            cluster.retries.incrementAndGet();
        }
    }

    /** Reports whether a host is among those of some tries. */
    static boolean has(Collection<Try> tries, Host host) {
        if (!tries.isEmpty()) {
            for (Try t : tries) {
                if (t.host == host) {
                    return true;
                }
            }
        }
        return false;
    }

    @Override
    public Endpoint endpoint() {
        return host.endpoint;
    }

    @Override
    public String cluster() {
        return cluster.name;
    }

    @Override
    public void done(int status) {
        if (end() && status != 0) {
            if (status < SERVER_ERROR) {
                cluster.succeeded(host);
            } else {
                cluster.failed(host, status);
            }
        }
    }

    @Override
    public void failed(Throwable failure) {
        if (end()) {
            cluster.failed(host, 0);
        }
    }

    private boolean end() {
        if (!ended.compareAndSet(false, true)) {
            return false;
        }
        host.active.decrementAndGet();
        cluster.active.decrementAndGet();
        if (retry) {
            cluster.retries.decrementAndGet();
        }
        return true;
    }
}
