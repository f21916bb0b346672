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
    /** The lanes before: a request may be forwarded, and is then served within itself. Empty is no lane. */
    private final ThreadLocal<ArrayDeque<String>> outer = new ThreadLocal<>();
    /** The method of the API that a request is of. An application may have both. */
    private final ClassValue<Method> header = new ClassValue<Method>() {
        @Override
        protected Method computeValue(Class<?> request) {
            for (String api : new String[] {"jakarta", "javax"}) {
                try {
                    Class<?> type = Class.forName(api + ".servlet.http.HttpServletRequest", false, ServletLane.class.getClassLoader());
                    if (type.isAssignableFrom(request)) {
                        return type.getMethod("getHeader", String.class);
                    }
                } catch (ReflectiveOperationException absent) {
                    // the other one
                }
            }
            throw new LinkageError(request.getName() + " is no HttpServletRequest");
        }
    };

    public ServletLane(Mesh mesh) {
        this.mesh = mesh;
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
            return (String) header.get(request.getClass()).invoke(request, name);
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
