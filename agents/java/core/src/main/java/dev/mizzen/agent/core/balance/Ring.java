package dev.mizzen.agent.core.balance;

import java.util.Arrays;
import java.util.Collection;

/** A consistent hash: each host has points on a ring by its weight, and a key belongs to the next point. */
final class Ring {
    /** A larger ring costs memory and makes little difference. */
    private static final long MAX_SIZE = 4096;

    private final long[] points;
    private final Host[] owners;

    Ring(Host[] hosts, double[] weights, long minSize, long maxSize) {
        double total = 0, least = Double.MAX_VALUE;
        for (double w : weights) {
            total += w;
            least = Math.min(least, w);
        }
        double perWeight = 0;
        if (hosts.length > 0) {
            long limit = Math.max(hosts.length, Math.min(maxSize, MAX_SIZE));
            // The host with the least weight has a whole number of points, as far as the limit allows.
            double size = Math.min(limit, Math.ceil(least / total * Math.min(minSize, limit)) * total / least);
            perWeight = size / total;
        }
        int[] counts = new int[hosts.length];
        int n = 0;
        for (int i = 0; i < hosts.length; i++) {
            counts[i] = (int) Math.max(1, Math.round(weights[i] * perWeight));
            n += counts[i];
        }
        long[][] all = new long[n][];
        int at = 0;
        for (int i = 0; i < hosts.length; i++) {
            String name = hosts[i].toString();
            for (int k = 0; k < counts[i]; k++) {
                all[at++] = new long[] {hash(name + '_' + k), i};
            }
        }
        Arrays.sort(all, (a, b) -> Long.compare(a[0], b[0]));
        points = new long[n];
        owners = new Host[n];
        for (int i = 0; i < n; i++) {
            points[i] = all[i][0];
            owners[i] = hosts[(int) all[i][1]];
        }
    }

    /** Returns the host of a key, or the next one that was not tried. */
    Host pick(long key, Collection<Try> avoided) {
        int at = Arrays.binarySearch(points, key);
        at = at < 0 ? -at - 1 : at;
        Host first = owners[at % owners.length];
        for (int i = 0; i < owners.length; i++) {
            Host h = owners[(at + i) % owners.length];
            if (!Try.has(avoided, h)) {
                return h;
            }
        }
        return first;
    }

    /** FNV-1a over the characters, then mixed so that similar texts are far apart. */
    static long hash(String s) {
        long h = 0xcbf29ce484222325L;
        for (int i = 0; i < s.length(); i++) {
            h = (h ^ s.charAt(i)) * 0x100000001b3L;
        }
        h = (h ^ h >>> 33) * 0xff51afd7ed558ccdL;
        h = (h ^ h >>> 33) * 0xc4ceb9fe1a85ec53L;
        return h ^ h >>> 33;
    }
}
