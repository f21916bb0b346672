package dev.mizzen.agent.core.balance;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/** A cluster at work: it picks endpoints. It outlives updates of its configuration and of its endpoints. */
public final class Cluster {
    public final String name;
    private volatile ClusterConfig config;
    private volatile Host[] hosts = {};
    private Assignment assignment;
    private Map<String, Host> byAddress = new HashMap<>();
    private final AtomicInteger turn = new AtomicInteger();

    public Cluster(String name) {
        this.name = name;
    }

    public ClusterConfig config() {
        return config;
    }

    /** Takes what the control plane says. The state of endpoints that stay is kept. */
    public synchronized void update(ClusterConfig c, Assignment fromEds) {
        Assignment a = c.own() != null && c.assignment() == null ? c.own() : fromEds;
        if (c == config && a == assignment) {
            return;
        }
        config = c;
        assignment = a;
        long now = System.nanoTime();
        Map<String, Host> kept = new HashMap<>();
        List<Host> all = new ArrayList<>();
        for (Assignment.Locality l : a.localities) {
            for (Assignment.Member m : l.members) {
                String key = m.host + ' ' + m.port + (c.secure ? " tls" : "");
                Host h = byAddress.get(key);
                if (h == null) {
                    h = new Host(m.host, m.port, c.secure, m.labels, now);
                }
                h.labels = m.labels;
                if (kept.put(key, h) == null && m.health <= Assignment.HEALTHY) {
                    all.add(h);
                }
            }
        }
        byAddress = kept;
        hosts = all.toArray(new Host[0]);
    }

    /** Returns a try at an endpoint; null if there is none. */
    public dev.mizzen.agent.bridge.Attempt attempt() {
        Host host = pick();
        return host == null ? null : new Try(this, host);
    }

    Host pick() {
        Host[] hosts = this.hosts;
        return hosts.length == 0 ? null : hosts[Math.floorMod(turn.getAndIncrement(), hosts.length)];
    }

    /** All endpoints, healthy or not. */
    public synchronized List<Host> hosts() {
        return new ArrayList<>(byAddress.values());
    }
}
