package dev.mizzen.agent.core.route;

import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.HeaderEdits;
import java.util.LinkedHashMap;
import java.util.Map;

/** An answer of the routes. */
final class Fixed implements Answer, HeaderEdits.Headers {
    private final int status;
    private final Map<String, String> headers = new LinkedHashMap<>();
    private final byte[] body;

    Fixed(int status, String location, byte[] body) {
        this.status = status;
        this.body = body;
        if (location != null) {
            headers.put("location", location);
        }
        if (body.length > 0) {
            headers.put("content-type", "text/plain");
        }
    }

    @Override
    public int status() {
        return status;
    }

    @Override
    public Map<String, String> headers() {
        return headers;
    }

    @Override
    public byte[] body() {
        return body;
    }

    @Override
    public boolean has(String name) {
        return headers.containsKey(name);
    }

    @Override
    public void set(String name, String value) {
        headers.put(name, value);
    }

    @Override
    public void add(String name, String value) {
        String had = headers.get(name);
        headers.put(name, had == null ? value : had + "," + value);
    }

    @Override
    public void remove(String name) {
        headers.remove(name);
    }
}
