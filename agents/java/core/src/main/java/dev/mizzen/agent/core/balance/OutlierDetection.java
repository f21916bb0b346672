package dev.mizzen.agent.core.balance;

import dev.mizzen.agent.core.wire.Reader;

/** An envoy.config.cluster.v3.OutlierDetection: when an endpoint that fails is left out for a while. Enforcement is in percent. */
final class OutlierDetection {
    private static final long SECOND = 1_000_000_000L;

    long consecutive5xx = 5, consecutiveGateway = 5, consecutiveLocal = 5;
    long enforce5xx = 100, enforceGateway = 0, enforceLocal = 100;
    long interval = 10 * SECOND, baseEjection = 30 * SECOND, maxEjection = 300 * SECOND;
    long maxEjectionPercent = 10;
    boolean splitLocal, alwaysEjectOne;

    static OutlierDetection decode(Reader r) {
        OutlierDetection o = new OutlierDetection();
        boolean max = false;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: o.consecutive5xx = r.wrapped(); break;
                case 2: o.interval = r.duration(); break;
                case 3: o.baseEjection = r.duration(); break;
                case 4: o.maxEjectionPercent = r.wrapped(); break;
                case 5: o.enforce5xx = r.wrapped(); break;
                case 10: o.consecutiveGateway = r.wrapped(); break;
                case 11: o.enforceGateway = r.wrapped(); break;
                case 12: o.splitLocal = r.bool(); break;
                case 13: o.consecutiveLocal = r.wrapped(); break;
                case 14: o.enforceLocal = r.wrapped(); break;
                case 25: o.alwaysEjectOne = r.wrapped() != 0; break;
                case 21: o.maxEjection = r.duration(); max = true; break;
                default: r.skip();
            }
        }
        o.interval = Math.max(1, o.interval);
        o.maxEjection = max ? Math.max(o.maxEjection, o.baseEjection) : Math.max(300 * SECOND, o.baseEjection);
        return o;
    }
}
