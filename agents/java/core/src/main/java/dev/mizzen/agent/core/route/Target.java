package dev.mizzen.agent.core.route;

import dev.mizzen.agent.core.wire.Fraction;
import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;

/** A cluster with its share of the calls, or with the share of the calls that are copied to it. */
final class Target {
    final String cluster;
    final long weight;
    final Edits request, response;
    /** The host to send in place of the route's; null if the route's is in effect. */
    final String host;
    final Fault fault;

    Target(String cluster, long weight, Edits request, Edits response, String host, Fault fault) {
        this.cluster = cluster;
        this.weight = weight;
        this.request = request;
        this.response = response;
        this.host = host;
        this.fault = fault;
    }

    static Target of(String cluster) {
        return new Target(cluster, 1, Edits.NONE, Edits.NONE, null, null);
    }

    /** Reads a WeightedCluster.ClusterWeight. */
    static Target decode(Reader r) {
        String cluster = "", host = null;
        long weight = 0;
        Edits.Builder request = new Edits.Builder(), response = new Edits.Builder();
        Fault fault = null;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: cluster = r.string(); break;
                case 2: weight = r.wrapped() & 0xffffffffL; break;
                case 4: request.add(r); break;
                case 5: response.add(r); break;
                case 6: response.remove(r); break;
                case 9: request.remove(r); break;
                case 10: fault = Route.filter(r.message(), fault); break;
                case 11: host = r.string(); break;
                default: throw new Refused("a weighted cluster has the unsupported field " + f);
            }
        }
        if (cluster.isEmpty()) {
            throw new Refused("a weighted cluster has no name");
        }
        return new Target(cluster, weight, request.build(), response.build(), host, fault);
    }

    /** Reads a RouteAction.RequestMirrorPolicy: the weight is in millionths. */
    static Target decodeMirror(Reader r) {
        String cluster = "";
        int share = Fraction.ALL;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: cluster = r.string(); break;
                case 3: share = Fraction.decodeRuntime(r.message()); break;
                default: r.skip();
            }
        }
        if (cluster.isEmpty()) {
            throw new Refused("a mirror has no cluster");
        }
        return new Target(cluster, share, Edits.NONE, Edits.NONE, null, null);
    }
}
