package dev.mizzen.agent.core.route;

import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** An envoy.config.route.v3.VirtualHost. */
public final class VirtualHost {
    String name = "";
    final List<String> domains = new ArrayList<>(1);
    final List<Route> routes = new ArrayList<>(1);
    Edits request = Edits.NONE, response = Edits.NONE;
    RetryPolicy retry;
    Fault fault;
    RouteTable table;

    static VirtualHost decode(Reader r) {
        VirtualHost host = new VirtualHost();
        Edits.Builder request = new Edits.Builder(), response = new Edits.Builder();
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: host.name = r.string(); break;
                case 2: host.domains.add(r.string().toLowerCase(Locale.ROOT)); break;
                case 3: host.routes.add(Route.decode(r.message())); break;
                case 7: request.add(r); break;
                case 10: response.add(r); break;
                case 11: response.remove(r); break;
                case 13: request.remove(r); break;
                case 15: host.fault = Route.filter(r.message(), host.fault); break;
                case 16: host.retry = RetryPolicy.decode(r.message()); break;
                case 21: throw new Refused("a virtual host has a matcher in place of routes, which this client does not support");
                default: r.skip();
            }
        }
        host.request = request.build();
        host.response = response.build();
        return host;
    }

    /** Returns the first route that matches, or null. */
    Route route(Request request) {
        for (int i = 0; i < routes.size(); i++) {
            Route route = routes.get(i);
            if (route.matches(request)) {
                return route;
            }
        }
        return null;
    }

    /** Returns how well the domains fit a name: an exact domain best, then the longest suffix, then the longest prefix, then all. 0 if none fits. */
    int fit(String name) {
        int best = 0;
        for (int i = 0; i < domains.size(); i++) {
            best = Math.max(best, fit(domains.get(i), name));
        }
        return best;
    }

    private static int fit(String domain, String name) {
        int n = domain.length() - 1;
        if (domain.equals(name)) {
            return 3 << 20;
        }
        if (domain.equals("*")) {
            return 1;
        }
        if (n < 0 || name.length() < n + 1) {
            return 0;
        }
        if (domain.charAt(0) == '*' && name.endsWith(domain.substring(1))) {
            return (2 << 20) + n;
        }
        return domain.charAt(n) == '*' && name.startsWith(domain.substring(0, n)) ? (1 << 20) + n : 0;
    }
}
