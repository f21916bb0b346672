package dev.mizzen.agent.core;

import dev.mizzen.agent.bridge.HeaderEdits;
import java.util.TreeMap;

/** Headers in a map; several values are joined by a comma. */
public final class TestHeaders extends TreeMap<String, String> implements HeaderEdits.Headers {
    private static final long serialVersionUID = 1;

    /** Applies edits to headers, which are names and values in turn. */
    public static TestHeaders edited(HeaderEdits edits, String... headers) {
        TestHeaders h = new TestHeaders();
        for (int i = 0; i < headers.length; i += 2) {
            h.put(headers[i], headers[i + 1]);
        }
        edits.apply(h);
        return h;
    }

    @Override
    public boolean has(String name) {
        return containsKey(name);
    }

    @Override
    public void set(String name, String value) {
        put(name, value);
    }

    @Override
    public void add(String name, String value) {
        merge(name, value, (a, b) -> a + "," + b);
    }

    @Override
    public void remove(String name) {
        super.remove(name);
    }
}
