package dev.mizzen.agent.bridge;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.HttpURLConnection;

/** Sets the Host header of HttpURLConnection, which ignores the one that a caller sets. A system property would allow it for all callers, and change what they send. */
public final class HostHeader {
    private static Runnable opener;

    private HostHeader() {
    }

    /** @param code opens the JDK's packages to this class; it runs once, when a header is set first */
    public static synchronized void openBy(Runnable code) {
        opener = code;
    }

    private static synchronized void open() {
        if (opener != null) {
            opener.run();
            opener = null;
        }
    }

    public static void set(HttpURLConnection connection, String host) throws ReflectiveOperationException {
        open();
        Object target = connection;
        Field requests = field(target.getClass(), "requests");
        if (connection instanceof javax.net.ssl.HttpsURLConnection) {
            target = field(target.getClass(), "delegate").get(connection);
            requests = field(target.getClass(), "requests");
        }
        Object headers = requests.get(target);
        Method set = headers.getClass().getMethod("set", String.class, String.class);
        set.setAccessible(true);
        set.invoke(headers, "Host", host);
    }

    private static Field field(Class<?> type, String name) throws NoSuchFieldException {
        for (Class<?> c = type; c != null; c = c.getSuperclass()) {
            for (Field f : c.getDeclaredFields()) {
                if (f.getName().equals(name)) {
                    f.setAccessible(true);
                    return f;
                }
            }
        }
        throw new NoSuchFieldException(type.getName() + "." + name);
    }
}
