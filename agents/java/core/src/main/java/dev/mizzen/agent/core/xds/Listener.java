package dev.mizzen.agent.core.xds;

import dev.mizzen.agent.core.balance.Metadata;
import dev.mizzen.agent.core.route.RouteTable;
import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;

/** An envoy.config.listener.v3.Listener with an API listener: where the routes of a name are. */
public final class Listener {
    private static final String FILTERS = "type.googleapis.com/envoy.extensions.filters.http.";
    private static final String MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

    public String name = "";
    /** The name of the RouteConfiguration to subscribe to; null if the routes are inline. */
    public String routes;
    public RouteTable inline;
    /** The control plane does not know the name. */
    public boolean unknown;

    static Listener decode(Reader r) {
        Listener l = new Listener();
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: l.name = r.string(); break;
                case 6: l.unknown |= Metadata.decode(r.message()).unknown; break;
                case 19: l.api(r.message()); break;
                default: r.skip();
            }
        }
        if (l.routes == null && l.inline == null) {
            throw new Refused("listener \"" + l.name + "\" has no API listener with routes");
        }
        l.unknown |= l.inline != null && l.inline.isUnknownHost();
        return l;
    }

    private void api(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            if (f != 1) {
                r.skip();
                continue;
            }
            Reader any = r.message();
            String type = "";
            Reader value = null;
            for (int g; (g = any.next()) != 0; ) {
                switch (g) {
                    case 1: type = any.string(); break;
                    case 2: value = any.message(); break;
                    default: any.skip();
                }
            }
            if (!type.equals(MANAGER) || value == null) {
                throw new Refused("listener \"" + name + "\" has an API listener of the unsupported type " + type);
            }
            manager(value);
        }
    }

    private void manager(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 3: routes = rds(r.message()); inline = null; break;
                case 4: inline = RouteTable.decode(r.message()); routes = null; break;
                case 5: filter(r.message()); break;
                case 31: throw new Refused("listener \"" + name + "\" has scoped routes, which this client does not support");
                default: r.skip();
            }
        }
    }

    /** A filter may refuse or change calls, so one that is not known is ignored only if it is optional. */
    private void filter(Reader r) {
        String filter = "", type = "";
        boolean optional = false;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: filter = r.string(); break;
                case 4: type = typeOf(r.message()); break;
                case 6: optional = r.bool(); break;
                default: r.skip();
            }
        }
        if (!optional && !type.equals(FILTERS + "router.v3.Router") && !type.equals(FILTERS + "fault.v3.HTTPFault")) {
            throw new Refused("listener \"" + name + "\" has the HTTP filter \"" + filter + "\", which this client does not support");
        }
    }

    private static String typeOf(Reader any) {
        String type = "";
        for (int f; (f = any.next()) != 0; ) {
            if (f == 1) {
                type = any.string();
            } else {
                any.skip();
            }
        }
        return type;
    }

    private static String rds(Reader r) {
        String name = "";
        for (int f; (f = r.next()) != 0; ) {
            if (f == 2) {
                name = r.string();
            } else {
                r.skip();
            }
        }
        return name;
    }
}
