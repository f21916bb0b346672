package dev.mizzen.agent.core.balance;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The hosts of a cluster that calls go to at present: the share of each priority by its health, in a priority the share of each locality, and in a
 * locality the hosts that are healthy and not ejected. It is made anew when one of these changes.
 */
final class Picker {
    private static final double ALL = 100;

    /** One priority. */
    private static final class Level {
        final List<Assignment.Locality> localities = new ArrayList<>(1);
        final List<Group> groups = new ArrayList<>(1);
        int total, healthy;
        /** In percent: how healthy it is, and its share of the calls. */
        double availability, load;
        double share;
        boolean panic;
        Ring ring;
    }

    private final ClusterConfig config;
    private final Level[] levels;
    /** When the next ejection ends; 0 if there is none. */
    private final long until;
    /** How many hosts it chooses from. */
    final int size;
    final boolean panics;

    Picker(ClusterConfig config, Assignment assignment, Cluster cluster, long now) {
        this.config = config;
        TreeMap<Integer, Level> byPriority = new TreeMap<>();
        long next = 0;
        for (Assignment.Locality l : assignment.localities) {
            Level level = byPriority.get(l.priority);
            if (level == null) {
                level = new Level();
                byPriority.put(l.priority, level);
            }
            level.localities.add(l);
            for (Assignment.Member m : l.members) {
                Host h = cluster.host(m);
                level.total++;
                if (isHealthy(h, now)) {
                    level.healthy++;
                }
                if (h.isEjected(now)) {
                    next = next == 0 || h.ejectedUntil - next < 0 ? h.ejectedUntil : next;
                }
            }
        }
        until = next;
        levels = byPriority.values().toArray(new Level[0]);
        distribute(assignment.overprovisioning);
        int n = 0;
        boolean anyPanics = false;
        for (Level level : levels) {
            if (level.load > 0) {
                group(level, cluster, assignment.overprovisioning, now);
                for (Group g : level.groups) {
                    n += g.hosts.length;
                }
                anyPanics |= level.panic;
            }
        }
        size = n;
        panics = anyPanics;
    }

    private static boolean isHealthy(Host h, long now) {
        return (h.health <= Assignment.HEALTHY || h.health == Assignment.DEGRADED) && !h.isEjected(now);
    }

    /** Gives each priority its share of the calls: the first ones as much as they can take. */
    private void distribute(int overprovisioning) {
        double sum = 0;
        for (Level level : levels) {
            level.availability = level.total == 0 ? 0 : Math.min(ALL, (double) overprovisioning * level.healthy / level.total);
            sum += level.availability;
        }
        double normal = Math.min(ALL, sum), left = ALL;
        for (Level level : levels) {
            level.panic = normal < ALL && level.total > 0 && ALL * level.healthy / level.total < config.panic;
            level.load = normal == 0 ? 0 : Math.min(left, level.availability * ALL / normal);
            left -= level.load;
        }
        if (normal == 0) { // nothing is healthy: the first priority with hosts may panic
            for (Level level : levels) {
                if (level.total > 0) {
                    level.load = ALL;
                    break;
                }
            }
        }
    }

    private void group(Level level, Cluster cluster, int overprovisioning, long now) {
        boolean weighted = false;
        for (Assignment.Locality l : level.localities) {
            weighted |= l.weight > 0;
        }
        List<Host> together = new ArrayList<>();
        for (Assignment.Locality l : level.localities) {
            List<Host> hosts = new ArrayList<>();
            for (Assignment.Member m : l.members) {
                Host h = cluster.host(m);
                if (level.panic ? h.health != Assignment.DRAINING : isHealthy(h, now)) {
                    hosts.add(h);
                }
            }
            if (!weighted) {
                together.addAll(hosts);
            } else if (l.weight > 0 && !hosts.isEmpty()) {
                double able = level.panic ? 1 : Math.min(1, overprovisioning / ALL * hosts.size() / l.members.size());
                add(level, hosts, l.weight * able);
            }
        }
        if (!together.isEmpty()) {
            add(level, together, 1);
        }
        if (config.policy == ClusterConfig.RING_HASH && !level.groups.isEmpty()) {
            level.ring = ring(level);
        }
    }

    private void add(Level level, List<Host> hosts, double share) {
        level.groups.add(new Group(hosts.toArray(new Host[0]), config, share));
        level.share += share;
    }

    private Ring ring(Level level) {
        List<Host> hosts = new ArrayList<>();
        List<Double> weights = new ArrayList<>();
        for (Group g : level.groups) {
            double sum = 0;
            for (Host h : g.hosts) {
                sum += h.weight;
            }
            for (Host h : g.hosts) {
                hosts.add(h);
                weights.add(g.share * h.weight / sum);
            }
        }
        double[] w = new double[weights.size()];
        for (int i = 0; i < w.length; i++) {
            w[i] = weights.get(i);
        }
        return new Ring(hosts.toArray(new Host[0]), w, config.minRing, config.maxRing);
    }

    boolean isOld(long now) {
        return until != 0 && until - now <= 0;
    }

    /** Returns null if there is no host. */
    Host pick(Long hash, long now, Collection<Try> avoided) {
        if (size == 0) {
            return null;
        }
        Level level = level(hash);
        if (level.groups.isEmpty()) {
            return null;
        }
        if (level.ring != null) {
            return level.ring.pick(hash == null ? ThreadLocalRandom.current().nextLong() : hash, avoided);
        }
        List<Group> groups = level.groups;
        if (groups.size() == 1) {
            return groups.get(0).pick(now, avoided);
        }
        double at = ThreadLocalRandom.current().nextDouble(level.share);
        for (int i = 0; i < groups.size() - 1; i++) {
            at -= groups.get(i).share;
            if (at < 0) {
                return groups.get(i).pick(now, avoided);
            }
        }
        return groups.get(groups.size() - 1).pick(now, avoided);
    }

    /** With a hash the priority depends on it, so that a key stays where it is. */
    private Level level(Long hash) {
        if (levels.length == 1) {
            return levels[0];
        }
        double at = hash == null || config.policy != ClusterConfig.RING_HASH ? ThreadLocalRandom.current().nextDouble(ALL) : (hash >>> 11) * 0x1p-53 * ALL;
        Level last = levels[0];
        for (Level level : levels) {
            if (level.load > 0) {
                last = level;
                at -= level.load;
                if (at < 0) {
                    break;
                }
            }
        }
        return last;
    }
}
