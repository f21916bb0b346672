package dev.mizzen.agent.core;

import dev.mizzen.agent.bridge.Request;
import java.util.LinkedHashMap;
import java.util.Map;

/** A request with fixed parts. */
public final class TestRequest implements Request {
    private final String method, path, query;
    private String scheme = "http", authority = "go-sc-a", lane;
    private final Map<String, String> headers = new LinkedHashMap<>();

    /** @param headers names and values in turn */
    public TestRequest(String method, String uri, String... headers) {
        int question = uri.indexOf('?');
        this.method = method;
        this.path = question < 0 ? uri : uri.substring(0, question);
        this.query = question < 0 ? null : uri.substring(question + 1);
        for (int i = 0; i < headers.length; i += 2) {
            this.headers.put(headers[i], headers[i + 1]);
        }
    }

    public TestRequest at(String newScheme, String newAuthority) {
        scheme = newScheme;
        authority = newAuthority;
        return this;
    }

    public TestRequest inLane(String newLane) {
        lane = newLane;
        return this;
    }

    @Override
    public String method() {
        return method;
    }

    @Override
    public String scheme() {
        return scheme;
    }

    @Override
    public String authority() {
        return authority;
    }

    @Override
    public String path() {
        return path;
    }

    @Override
    public String query() {
        return query;
    }

    @Override
    public String header(String name) {
        return headers.get(name);
    }

    @Override
    public String lane() {
        return lane;
    }
}
