package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Mesh;
import java.lang.reflect.Method;
import java.net.URI;
import java.util.ArrayDeque;

/** The lane of a request that DispatcherServlet serves: the thread's, until the request is done. */
public final class ServletLane implements Adapter {
    private static final URI INBOUND = URI.create("http://inbound/");
    private final Mesh mesh;
    private final Method header;
    /** The lanes before: a request may be forwarded, and is then served within itself. Empty is no lane. */
    private final ThreadLocal<ArrayDeque<String>> outer = new ThreadLocal<>();

    public ServletLane(Mesh mesh) throws ReflectiveOperationException {
        this.mesh = mesh;
        this.header = request().getMethod("getHeader", String.class);
    }

    private static Class<?> request() throws ClassNotFoundException {
        ClassLoader loader = ServletLane.class.getClassLoader();
        try {
            return Class.forName("jakarta.servlet.http.HttpServletRequest", false, loader);
        } catch (ClassNotFoundException e) {
            return Class.forName("javax.servlet.http.HttpServletRequest", false, loader);
        }
    }

    @Override
    public Object before(Object self, Object request, Object b, Object c) {
        String before = mesh.lane(mesh.laneOf(new Call("GET", INBOUND, name -> header(request, name))));
        ArrayDeque<String> lanes = outer.get();
        if (lanes == null) {
            lanes = new ArrayDeque<>(1);
            outer.set(lanes);
        }
        lanes.push(before == null ? "" : before);
        return null;
    }

    private String header(Object request, String name) {
        try {
            return (String) header.invoke(request, name);
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }

    @Override
    public Object after(Object result, Object self, Object a, Object b) {
        ArrayDeque<String> lanes = outer.get();
        if (lanes != null) {
            mesh.lane(lanes.pop());
            if (lanes.isEmpty()) {
                outer.remove();
            }
        }
        return result;
    }
}
