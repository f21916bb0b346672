package dev.mizzen.agent.core.balance;

import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.core.wire.Fraction;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;

/** A cluster at work: it picks hosts, counts calls and ejects outliers. It outlives updates of its configuration and of its endpoints. */
public final class Cluster {
    private static final double ALL = 100;

    public final String name;
    private volatile ClusterConfig config;
    private volatile Assignment assignment;
    private volatile Map<String, Host> hosts = Collections.emptyMap();
    /** Null if it is to be made anew. */
    private volatile Picker picker;
    /** Instances of the registry that calls go to, in mode MERGE. */
    private Map<String, Host> instances = Collections.emptyMap();
    /** Calls and retries in flight. */
    final AtomicInteger active = new AtomicInteger(), retries = new AtomicInteger();
    private volatile long ejections;

    /** The time of System.nanoTime. */
    private static final LongSupplier CLOCK = new LongSupplier() {
        @Override
        public long getAsLong() {
            return System.nanoTime();
        }
    };
    private final LongSupplier clock;

    public Cluster(String name) {
        this(name, CLOCK);
    }

    Cluster(String name, LongSupplier clock) {
        this.name = name;
        this.clock = clock;
    }

    public ClusterConfig config() {
        return config;
    }

    /** Takes what the control plane says. The state of hosts that stay is kept. */
    public synchronized void update(ClusterConfig c, Assignment fromEds) {
        Assignment a = c.assignment() == null ? c.own() : fromEds;
        if (c == config && a == assignment) {
            return;
        }
        long since = config == null ? 0 : clock.getAsLong();
        Map<String, Host> kept = new HashMap<>();
        for (Assignment.Locality l : a.localities) {
            for (Assignment.Member m : l.members) {
                String key = Host.key(m.host, m.port);
                Host h = hosts.get(key);
                if (h == null || !Objects.equals(h.demand, c.tls)) {
                    h = new Host(m.host, m.port, c.tls, m.labels, since);
                }
                h.labels = m.labels;
                h.weight = m.weight;
                h.health = m.health;
                kept.put(key, h);
            }
        }
        config = c;
        assignment = a;
        hosts = kept;
        picker = null;
    }

    Host host(Assignment.Member m) {
        return hosts.get(Host.key(m.host, m.port));
    }

    private Picker picker(long now) {
        Picker p = picker;
        if (p == null || p.isOld(now)) {
            synchronized (this) {
                p = picker;
                if (p == null || p.isOld(now)) {
                    p = new Picker(config, assignment, this, now);
                    picker = p;
                }
            }
        }
        return p;
    }

    /**
     * Returns a try at a host.
     *
     * @param hash what the ring selects by; null if nothing does
     * @param retry the call was tried before
     * @param avoided tries of the same call before whose hosts are avoided
     * @param registry the instances of the application's registry that take part, too; null if none do
     * @param problem gets at 0 why there is no try
     * @return null if there is none
     */
    public Try attempt(Long hash, boolean retry, Collection<Try> avoided, List<? extends Endpoint> registry, String[] problem) {
        ClusterConfig c = config;
        // Counted before it is compared: of several calls at the same instant, only as many pass as the limit allows.
        if (active.incrementAndGet() > c.maxRequests && c.maxRequests >= 0) {
            active.decrementAndGet();
            problem[0] = "the cluster " + name + " has " + c.maxRequests + " calls in flight, which is its limit";
            return null;
        }
        Try made = null;
        try {
            made = admitted(hash, retry, avoided, registry, problem);
            return made;
        } finally {
            if (made == null) {
                active.decrementAndGet();
            }
        }
    }

    /** Returns a try of a call that is counted already; null if there is none. */
    private Try admitted(Long hash, boolean retry, Collection<Try> avoided, List<? extends Endpoint> registry, String[] problem) {
        if (Fraction.hit(assignment.drop)) {
            problem[0] = "the control plane drops a part of the calls to the cluster " + name;
            return null;
        }
        long now = clock.getAsLong();
        Picker p = picker(now);
        Host host = registry == null ? p.pick(hash, now, avoided) : merged(p, hash, now, avoided, registry);
        if (host == null) {
            problem[0] = "the cluster " + name + (hosts.isEmpty() ? " has no endpoint" : " has no healthy endpoint");
            return null;
        }
        return new Try(this, host, retry);
    }

    /** Chooses among the hosts of the mesh and instances that only the registry has, each with the same share. */
    private Host merged(Picker p, Long hash, long now, Collection<Try> avoided, List<? extends Endpoint> registry) {
        List<Host> more = registryHosts(registry, now);
        int n = p.size + more.size();
        int at = n == 0 ? 0 : ThreadLocalRandom.current().nextInt(n);
        Host host = null;
        if (at >= p.size && !more.isEmpty()) {
            host = more.get(at - p.size);
        }
        if (host == null || Try.has(avoided, host)) {
            Host other = p.pick(hash, now, avoided);
            host = other == null ? host : other;
        }
        return host;
    }

    private synchronized List<Host> registryHosts(List<? extends Endpoint> registry, long now) {
        Map<String, Host> kept = new HashMap<>();
        List<Host> usable = new ArrayList<>();
        if (config.tls != null) {
            return usable; // a registry does not say how its instances are to be verified
        }
        for (Endpoint e : registry) {
            String key = Host.key(e.host(), e.port());
            if (hosts.containsKey(key) || kept.containsKey(key) || !fits(e.labels())) {
                continue;
            }
            Host h = instances.get(key);
            if (h == null || h.endpoint != e) {
                Host fresh = new Host(e);
                if (h != null) {
                    fresh.ejections = h.ejections;
                    fresh.ejectedUntil = h.ejectedUntil;
                    fresh.failures5xx = h.failures5xx;
                    fresh.failuresGateway = h.failuresGateway;
                    fresh.failuresLocal = h.failuresLocal;
                }
                h = fresh;
            }
            kept.put(key, h);
            if (!h.isEjected(now)) {
                usable.add(h);
            }
        }
        instances = kept;
        return usable;
    }

    /** Reports whether an instance belongs to the subset of the cluster. A cluster without labels has all instances. */
    private boolean fits(Map<String, String> labels) {
        for (Map.Entry<String, String> e : config.labels.entrySet()) {
            if (labels == null || !e.getValue().equals(labels.get(e.getKey()))) {
                return false;
            }
        }
        return true;
    }

    /** Reports whether one more retry is within the limits. */
    public boolean mayRetry() {
        ClusterConfig c = config;
        long limit = c.maxRetries;
        if (c.retryBudget >= 0) {
            limit = Math.max(c.minRetryConcurrency, (long) (active.get() * c.retryBudget / ALL));
        }
        return limit < 0 || retries.get() < limit;
    }

    // Outlier detection.

    void succeeded(Host h) {
        if ((h.failures5xx | h.failuresGateway | h.failuresLocal) != 0) {
            h.failures5xx = h.failuresGateway = h.failuresLocal = 0;
        }
    }

    /** A call failed with a status, or with no response if the status is 0. */
    void failed(Host h, int status) {
        OutlierDetection o = config.outliers;
        if (o == null) {
            return;
        }
        synchronized (this) {
            if (h.isEjected(clock.getAsLong())) {
                return;
            }
            if (status == 0 && o.splitLocal) {
                h.failuresLocal++;
                judge(h, h.failuresLocal, o.consecutiveLocal, o.enforceLocal);
                return;
            }
            h.failuresLocal = 0; // there was a connection
            boolean gateway = status == 0 || status >= 502 && status <= 504;
            h.failuresGateway = gateway ? h.failuresGateway + 1 : 0;
            h.failures5xx++;
            if (!judge(h, h.failuresGateway, o.consecutiveGateway, o.enforceGateway)) {
                judge(h, h.failures5xx, o.consecutive5xx, o.enforce5xx);
            }
        }
    }

    /** Ejects a host that has failed too often in a row. Reports whether it did. */
    private boolean judge(Host h, int failures, long limit, long enforced) {
        if (limit <= 0 || enforced <= 0 || failures < limit || failures == 0) {
            return false;
        }
        OutlierDetection o = config.outliers;
        long now = clock.getAsLong();
        int ejected = 0;
        for (Host other : hosts.values()) {
            ejected += other.isEjected(now) ? 1 : 0;
        }
        boolean allowed = ALL * (ejected + 1) <= (double) o.maxEjectionPercent * hosts.size() || o.alwaysEjectOne && ejected == 0;
        h.failures5xx = h.failuresGateway = h.failuresLocal = 0;
        if (!allowed || ThreadLocalRandom.current().nextInt((int) ALL) >= enforced) {
            return false;
        }
        if (h.ejectedUntil != 0) { // each interval without an ejection makes the next one shorter
            h.ejections = (int) Math.max(0, h.ejections - (now - h.ejectedUntil) / o.interval);
        }
        h.ejections++;
        long time = Math.min(o.maxEjection, o.baseEjection > o.maxEjection / h.ejections ? o.maxEjection : o.baseEjection * h.ejections);
        long until = now + time;
        h.ejectedUntil = until == 0 ? 1 : until;
        ejections++;
        picker = null;
        return true;
    }

    // For the state and for lists of instances.

    /** All endpoints, healthy or not. */
    public List<Endpoint> endpoints() {
        return new ArrayList<Endpoint>(hosts.values());
    }

    /** Describes the cluster as names and values in turn. */
    public Object[] describe() {
        long now = clock.getAsLong();
        int ejected = 0;
        for (Host h : hosts.values()) {
            ejected += h.isEjected(now) ? 1 : 0;
        }
        Picker p = picker(now);
        return new Object[] {"protocol", config.protocol, "endpoints", hosts.size(), "used", p.size, "panic", p.panics, "ejected", ejected, "ejections", ejections,
            "callsInFlight", active.get()};
    }

    /** How many hosts were ejected so far. */
    long ejections() {
        return ejections;
    }

    /** Makes a hash of a request's part. */
    public static long hash(String s) {
        return Ring.hash(s);
    }

    /** Reports whether an attempt looks at its hash. */
    public boolean usesHash() {
        return config.policy == ClusterConfig.RING_HASH;
    }
}
