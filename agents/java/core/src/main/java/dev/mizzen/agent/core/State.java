package dev.mizzen.agent.core;

import dev.mizzen.agent.core.balance.Cluster;
import dev.mizzen.agent.core.route.Routes;
import dev.mizzen.agent.core.xds.Client;
import java.util.Collection;
import java.util.TreeMap;

/** Writes the state of the core as JSON. */
final class State {
    private final StringBuilder out = new StringBuilder();

    private State() {
    }

    static String of(Config config, String version, Client client, Collection<XdsService> services) {
        State s = new State();
        s.out.append('{');
        s.field("version", version).field("node", config.bootstrap.id);
        s.key("stream").append('{');
        s.fields(client.describe());
        s.key("versions").append('{');
        synchronized (client) {
            for (int kind = 0; kind < Client.KINDS; kind++) {
                s.field(client.kind(kind).label(), client.kind(kind).version);
            }
        }
        s.out.append("}}");
        s.key("services").append('{');
        TreeMap<String, XdsService> sorted = new TreeMap<>();
        for (XdsService service : services) {
            sorted.put(service.name, service);
        }
        for (XdsService service : sorted.values()) {
            s.service(service);
        }
        return s.out.append("}}").toString();
    }

    private void service(XdsService service) {
        key(service.name).append('{');
        field("presence", service.presence().toString()).field("mode", service.mode().toString());
        Routes routes = service.routes();
        if (routes != null && routes.problem != null) {
            field("problem", routes.problem);
        }
        if (routes != null && routes.table != null) {
            field("routes", routes.table.name());
            key("clusters").append('{');
            for (Cluster c : new TreeMap<>(routes.clusters).values()) {
                key(c.name).append('{');
                fields(c.describe());
                out.append('}');
            }
            out.append('}');
        }
        out.append('}');
    }

    private StringBuilder key(String key) {
        char last = out.charAt(out.length() - 1);
        if (last != '{') {
            out.append(',');
        }
        Json.quote(out, key);
        return out.append(':');
    }

    private State field(String key, Object value) {
        key(key);
        if (value instanceof String) {
            Json.quote(out, (String) value);
        } else {
            out.append(value);
        }
        return this;
    }

    private void fields(Object[] namesAndValues) {
        for (int i = 0; i < namesAndValues.length; i += 2) {
            field((String) namesAndValues[i], namesAndValues[i + 1]);
        }
    }
}
