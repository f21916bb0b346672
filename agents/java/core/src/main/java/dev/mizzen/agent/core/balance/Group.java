package dev.mizzen.agent.core.balance;

import java.util.Collection;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;

/** Hosts that share calls by their weights: those of a locality, or of a priority. It is immutable but for its turn. */
final class Group {
    private static final int FULL = 1 << 16;
    private static final int RETRIES = 4;

    final Host[] hosts;
    private final ClusterConfig config;
    /** The share of the calls of its priority. */
    final double share;
    /** Null if all weights are equal. Else the weights so that the largest is FULL, and their sums. */
    private final int[] weights;
    private final long[] sums;
    private final AtomicInteger turn;

    Group(Host[] hosts, ClusterConfig config, double share) {
        this.hosts = hosts;
        this.config = config;
        this.share = share;
        int max = 1, min = Integer.MAX_VALUE;
        for (Host h : hosts) {
            max = Math.max(max, h.weight);
            min = Math.min(min, h.weight);
        }
        boolean equal = hosts.length == 0 || max == min;
        weights = equal ? null : new int[hosts.length];
        sums = equal ? null : new long[hosts.length];
        long sum = 0;
        for (int i = 0; !equal && i < hosts.length; i++) {
            weights[i] = (int) Math.max(1, (long) hosts[i].weight * FULL / max);
            sum += hosts[i].weight;
            sums[i] = sum;
        }
        turn = new AtomicInteger(ThreadLocalRandom.current().nextInt(1 << 20));
    }

    /** Picks a host, rather one that was not tried. */
    Host pick(long now, Collection<Try> avoided) {
        Host host = null;
        for (int i = 0; i < RETRIES + avoided.size(); i++) {
            host = warm(now);
            if (!Try.has(avoided, host)) {
                break;
            }
        }
        return host;
    }

    /** A host that warms up takes only a part of its turns. */
    private Host warm(long now) {
        Host host = next();
        if (config.slowStart > 0) {
            for (int i = 0; i < hosts.length + RETRIES && !takes(host, now); i++) {
                host = next();
            }
        }
        return host;
    }

    private boolean takes(Host host, long now) {
        long age = now - host.since;
        if (host.since == 0 || age >= config.slowStart) {
            return true;
        }
        double factor = Math.max((double) Math.max(age, 0) / config.slowStart, 1e-9);
        if (config.aggression != 1) {
            factor = Math.pow(factor, 1 / config.aggression);
        }
        return ThreadLocalRandom.current().nextDouble() < Math.max(factor, config.minWeightPercent / 100);
    }

    private Host next() {
        switch (config.policy) {
            case ClusterConfig.RANDOM: return random();
            case ClusterConfig.LEAST_REQUEST: return leastActive();
            default: return inTurn();
        }
    }

    private Host random() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        if (sums == null) {
            return hosts[random.nextInt(hosts.length)];
        }
        long at = random.nextLong(sums[sums.length - 1]);
        int low = 0, high = sums.length - 1;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (sums[middle] > at) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return hosts[low];
    }

    private Host leastActive() {
        Host best = random();
        for (int i = 1; i < config.choices; i++) {
            Host other = random();
            if (other.active.get() < best.active.get()) {
                best = other;
            }
        }
        return best;
    }

    /**
     * Goes round. A host takes part in a round if the sum of its weight over the rounds passes a multiple of FULL in it; the host with the largest
     * weight takes part in each.
     */
    private Host inTurn() {
        int n = hosts.length;
        while (true) {
            int t = turn.getAndIncrement() & Integer.MAX_VALUE;
            int i = t % n;
            if (weights == null) {
                return hosts[i];
            }
            long round = t / n, start = (long) i * FULL / n; // hosts with the same weight take part in different rounds
            if ((weights[i] * round + start) % FULL + weights[i] >= FULL) {
                return hosts[i];
            }
        }
    }
}
