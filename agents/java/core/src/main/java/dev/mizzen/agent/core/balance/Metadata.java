package dev.mizzen.agent.core.balance;

import dev.mizzen.agent.core.wire.Reader;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** What an envoy.config.core.v3.Metadata says under "mizzen.dev". */
public final class Metadata {
    private static final String KEY = "mizzen.dev";

    /** The protocol of a cluster's port, such as http; empty if it is not known. */
    public String protocol = "";
    public Map<String, String> labels = Collections.emptyMap();
    /** On a Listener: the control plane does not know the name. */
    public boolean unknown;

    public static Metadata decode(Reader r) {
        Metadata m = new Metadata();
        for (int f; (f = r.next()) != 0; ) {
            if (f != 1) {
                r.skip();
                continue;
            }
            Reader entry = r.message();
            String key = "";
            Reader struct = null;
            for (int g; (g = entry.next()) != 0; ) {
                switch (g) {
                    case 1: key = entry.string(); break;
                    case 2: struct = entry.message(); break;
                    default: entry.skip();
                }
            }
            if (key.equals(KEY) && struct != null) {
                m.struct(struct);
            }
        }
        return m;
    }

    private void struct(Reader r) {
        for (int f; (f = r.next()) != 0; ) {
            if (f == 1) {
                field(r.message());
            } else {
                r.skip();
            }
        }
    }

    private void field(Reader entry) {
        String key = "";
        for (int f; (f = entry.next()) != 0; ) {
            if (f == 1) {
                key = entry.string();
            } else if (f == 2 && key.equals("protocol")) {
                protocol = text(entry.message());
            } else if (f == 2 && key.equals("labels")) {
                labels = map(entry.message());
            } else if (f == 2 && key.equals("unknown")) {
                unknown = truth(entry.message());
            } else {
                entry.skip();
            }
        }
    }

    private static String text(Reader value) {
        String s = "";
        for (int f; (f = value.next()) != 0; ) {
            if (f == 3) {
                s = value.string();
            } else {
                value.skip();
            }
        }
        return s;
    }

    private static boolean truth(Reader value) {
        boolean b = false;
        for (int f; (f = value.next()) != 0; ) {
            if (f == 4) {
                b = value.bool();
            } else {
                value.skip();
            }
        }
        return b;
    }

    private static Map<String, String> map(Reader value) {
        Map<String, String> map = new LinkedHashMap<>();
        for (int f; (f = value.next()) != 0; ) {
            if (f != 5) {
                value.skip();
                continue;
            }
            Reader struct = value.message();
            for (int g; (g = struct.next()) != 0; ) {
                if (g != 1) {
                    struct.skip();
                    continue;
                }
                Reader entry = struct.message();
                String key = "", text = "";
                for (int h; (h = entry.next()) != 0; ) {
                    switch (h) {
                        case 1: key = entry.string(); break;
                        case 2: text = text(entry.message()); break;
                        default: entry.skip();
                    }
                }
                map.put(key, text);
            }
        }
        if (map.size() == 1) { // there is one for each endpoint, so it is worth its space
            Map.Entry<String, String> only = map.entrySet().iterator().next();
            return Collections.singletonMap(only.getKey(), only.getValue());
        }
        return Collections.unmodifiableMap(map);
    }
}
