package dev.mizzen.agent.core.balance;

import dev.mizzen.agent.core.wire.Fraction;
import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** An envoy.config.endpoint.v3.ClusterLoadAssignment. */
public final class Assignment {
    public static final Assignment EMPTY = new Assignment();
    static final int UNKNOWN = 0, HEALTHY = 1, DRAINING = 3, DEGRADED = 5;
    private static final int DEFAULT_OVERPROVISIONING = 140;

    /** The endpoints of one locality in one priority. */
    static final class Locality {
        String name = "";
        int priority;
        /** Zero if the locality has no weight. */
        long weight;
        final List<Member> members = new ArrayList<>(1);
    }

    /** An endpoint as the control plane describes it. */
    static final class Member {
        String host = "";
        int port;
        int health;
        int weight = 1;
        Map<String, String> labels = Collections.emptyMap();
    }

    String name = "";
    final List<Locality> localities = new ArrayList<>(1);
    /** The share of calls to drop, in millionths. */
    int drop;
    int overprovisioning = DEFAULT_OVERPROVISIONING;

    public static Assignment decode(Reader r) {
        Assignment a = new Assignment();
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: a.name = r.string(); break;
                case 2: a.localities.add(locality(r.message())); break;
                case 4: a.policy(r.message()); break;
                default: r.skip();
            }
        }
        return a;
    }

    private void policy(Reader r) {
        double kept = 1;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 2: kept *= 1 - (double) dropped(r.message()) / Fraction.ALL; break;
                case 3: overprovisioning = (int) Math.max(100, Math.min(100_000, r.wrapped())); break;
                default: r.skip();
            }
        }
        drop = (int) Math.round(Fraction.ALL * (1 - kept));
    }

    private static int dropped(Reader r) {
        int share = 0;
        for (int f; (f = r.next()) != 0; ) {
            if (f == 2) {
                share = Fraction.decode(r.message());
            } else {
                r.skip();
            }
        }
        return share;
    }

    private static Locality locality(Reader r) {
        Locality l = new Locality();
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: l.name = name(r.message()); break;
                case 2: l.members.add(member(r.message())); break;
                case 3: l.weight = r.wrapped() & 0xffffffffL; break;
                case 5: l.priority = r.uint32(); break;
                case 7:
                case 8: throw new Refused("the endpoints of a locality are in a resource of their own, which this client does not support");
                default: r.skip();
            }
        }
        if (l.priority < 0 || l.priority > 128) {
            throw new Refused("a locality has the priority " + l.priority);
        }
        return l;
    }

    private static String name(Reader r) {
        String[] parts = {"", "", ""};
        for (int f; (f = r.next()) != 0; ) {
            if (f <= 3) {
                parts[f - 1] = r.string();
            } else {
                r.skip();
            }
        }
        return parts[0] + (parts[1].isEmpty() ? "" : "/" + parts[1]) + (parts[2].isEmpty() ? "" : "/" + parts[2]);
    }

    private static Member member(Reader r) {
        Member m = new Member();
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: endpoint(r.message(), m); break;
                case 2: m.health = r.uint32(); break;
                case 3: m.labels = Metadata.decode(r.message()).labels; break;
                case 4: m.weight = (int) Math.max(1, Math.min(1 << 20, r.wrapped())); break;
                case 5: throw new Refused("an endpoint is in a resource of its own, which this client does not support");
                default: r.skip();
            }
        }
        if (m.host.isEmpty() || m.port <= 0 || m.port > 65535) {
            throw new Refused("an endpoint has the address \"" + m.host + "\" and the port " + m.port);
        }
        return m;
    }

    private static void endpoint(Reader r, Member m) {
        for (int f; (f = r.next()) != 0; ) {
            if (f != 1) {
                r.skip();
                continue;
            }
            Reader address = r.message();
            for (int g; (g = address.next()) != 0; ) {
                if (g == 1) {
                    socketAddress(address.message(), m);
                } else {
                    address.skip();
                }
            }
        }
    }

    private static void socketAddress(Reader r, Member m) {
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 2: m.host = r.string(); break;
                case 3: m.port = r.uint32(); break;
                default: r.skip();
            }
        }
    }
}
