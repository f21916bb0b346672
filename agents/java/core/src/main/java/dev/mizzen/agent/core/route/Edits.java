package dev.mizzen.agent.core.route;

import dev.mizzen.agent.bridge.HeaderEdits;
import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Changes of headers at one level of a route configuration: what is removed, then what is set or added. */
final class Edits {
    static final Edits NONE = new Edits(new ArrayList<Value>(), new ArrayList<String>());
    static final int APPEND = 0, ADD_IF_ABSENT = 1, OVERWRITE_OR_ADD = 2, OVERWRITE_IF_EXISTS = 3;

    /** An envoy.config.core.v3.HeaderValueOption. */
    static final class Value {
        final String name, value;
        final int action;
        final boolean keepEmpty;

        Value(String name, String value, int action, boolean keepEmpty) {
            this.name = name;
            this.value = value;
            this.action = action;
            this.keepEmpty = keepEmpty;
        }

        static Value decode(Reader r) {
            String[] header = {"", ""};
            int action = APPEND;
            boolean keepEmpty = false, overwrite = false;
            for (int f; (f = r.next()) != 0; ) {
                switch (f) {
                    case 1: header(r.message(), header); break;
                    case 2: overwrite = r.wrapped() == 0; break; // the older form: append
                    case 3: action = r.uint32(); break;
                    case 4: keepEmpty = r.bool(); break;
                    default: r.skip();
                }
            }
            if (action < APPEND || action > OVERWRITE_IF_EXISTS || header[0].isEmpty() || header[0].charAt(0) == ':') {
                throw new Refused("a change of the header \"" + header[0] + "\" has the unknown action " + action + " or a name that cannot change");
            }
            return new Value(header[0].toLowerCase(Locale.ROOT), header[1], action == APPEND && overwrite ? OVERWRITE_OR_ADD : action, keepEmpty);
        }

        private static void header(Reader r, String[] header) {
            for (int f; (f = r.next()) != 0; ) {
                switch (f) {
                    case 1: header[0] = r.string(); break;
                    case 2:
                    case 3: header[1] = r.string(); break; // raw_value is bytes
                    default: r.skip();
                }
            }
        }

        void apply(HeaderEdits.Headers headers, Request request) {
            String v = value.indexOf('%') < 0 ? value : expand(value, request);
            if (v.isEmpty() && !keepEmpty) {
                return;
            }
            if (action == OVERWRITE_OR_ADD || action == OVERWRITE_IF_EXISTS && headers.has(name)) {
                headers.set(name, v);
            } else if (action == APPEND || action == ADD_IF_ABSENT && !headers.has(name)) {
                headers.add(name, v);
            }
        }

        /** Replaces %REQ(NAME)% by a header of the request, and %% by a percent sign. Envoy's other variables stay as they are. */
        private static String expand(String value, Request request) {
            StringBuilder out = new StringBuilder();
            for (int i = 0; i < value.length(); i++) {
                char c = value.charAt(i);
                int end = c == '%' ? value.indexOf('%', i + 1) : -1;
                if (end == i + 1) {
                    out.append('%');
                    i = end;
                } else if (end > 0 && value.startsWith("%REQ(", i) && value.charAt(end - 1) == ')' && value.lastIndexOf('?', end) < i) {
                    String header = Route.header(value.substring(i + 5, end - 1).toLowerCase(Locale.ROOT), request);
                    out.append(header == null ? "" : header);
                    i = end;
                } else {
                    out.append(c);
                }
            }
            return out.toString();
        }
    }

    final List<Value> values;
    final List<String> removed;

    Edits(List<Value> values, List<String> removed) {
        this.values = values;
        this.removed = removed;
    }

    boolean isEmpty() {
        return values.isEmpty() && removed.isEmpty();
    }

    void apply(HeaderEdits.Headers headers, Request request) {
        for (int i = 0; i < removed.size(); i++) {
            headers.remove(removed.get(i));
        }
        for (int i = 0; i < values.size(); i++) {
            values.get(i).apply(headers, request);
        }
    }

    /** Collects the fields of one level, in whatever order they come. */
    static final class Builder {
        private List<Value> values;
        private List<String> removed;

        void add(Reader r) {
            if (values == null) {
                values = new ArrayList<>();
            }
            values.add(Value.decode(r.message()));
        }

        void remove(Reader r) {
            if (removed == null) {
                removed = new ArrayList<>();
            }
            removed.add(r.string().toLowerCase(Locale.ROOT));
        }

        Edits build() {
            return values == null && removed == null ? NONE
                : new Edits(values == null ? new ArrayList<Value>() : values, removed == null ? new ArrayList<String>() : removed);
        }
    }
}
