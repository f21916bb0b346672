package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.HeaderEdits;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Headers by name in any case: what all libraries can be asked for and given. Spring's own type differs too much between its generations. */
public final class HeaderMap extends TreeMap<String, Collection<String>> implements HeaderEdits.Headers {
    private static final long serialVersionUID = 1;

    public HeaderMap() {
        super(String.CASE_INSENSITIVE_ORDER);
    }

    public HeaderMap(Map<String, ? extends Collection<String>> headers) {
        this();
        for (Map.Entry<String, ? extends Collection<String>> e : headers.entrySet()) {
            put(e.getKey(), new ArrayList<>(e.getValue()));
        }
    }

    public HeaderMap edit(HeaderEdits edits) {
        edits.apply(this);
        return this;
    }

    @Override
    public boolean has(String name) {
        return containsKey(name);
    }

    @Override
    public void set(String name, String value) {
        put(name, new ArrayList<>(Collections.singletonList(value)));
    }

    @Override
    public void add(String name, String value) {
        computeIfAbsent(name, n -> new ArrayList<>()).add(value);
    }

    @Override
    public void remove(String name) {
        super.remove(name);
    }

    /** The values of a header, joined by a comma; null if there are none. */
    static String joined(Collection<String> values) {
        return values == null || values.isEmpty() ? null : String.join(",", (List<String>) new ArrayList<>(values));
    }
}
