package dev.mizzen.dubbo;

import dev.mizzen.agent.bridge.HeaderEdits;
import dev.mizzen.agent.bridge.Request;
import java.util.Map;
import org.apache.dubbo.rpc.Invocation;
import org.apache.dubbo.rpc.support.RpcUtils;

/** A call of Dubbo as rules see it: a POST to /INTERFACE/METHOD, whose headers are the attachments. */
final class MeshRequest implements Request, HeaderEdits.Headers {
    private final String authority, path;
    private final Invocation invocation;

    MeshRequest(String authority, String service, Invocation invocation) {
        this.authority = authority;
        this.path = '/' + service + '/' + RpcUtils.getMethodName(invocation);
        this.invocation = invocation;
    }

    @Override
    public String method() {
        return "POST";
    }

    @Override
    public String scheme() {
        return "http";
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
        return null;
    }

    @Override
    public String header(String name) {
        for (Map.Entry<String, Object> e : invocation.getObjectAttachments().entrySet()) {
            if (e.getKey().equalsIgnoreCase(name) && e.getValue() != null) {
                return String.valueOf(e.getValue());
            }
        }
        return null;
    }

    @Override
    public boolean has(String name) {
        return header(name) != null;
    }

    @Override
    public void set(String name, String value) {
        remove(name);
        invocation.setAttachment(name, value);
    }

    @Override
    public void add(String name, String value) {
        String old = header(name);
        set(name, old == null ? value : old + ',' + value);
    }

    @Override
    public void remove(String name) {
        invocation.getObjectAttachments().keySet().removeIf(name::equalsIgnoreCase);
    }
}
