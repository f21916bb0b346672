package dev.mizzen.agent.bridge;

import java.util.concurrent.Callable;

/** What woven code calls. It is the same class for every class loader. */
public final class Bridge {
    private static volatile Hooks hooks;
    private static final ThreadLocal<Boolean> UNTOUCHED = new ThreadLocal<>();
    private static final ThreadLocal<String> CALLED = new ThreadLocal<>();

    private Bridge() {
    }

    /** Sets the hooks. False if there are some already. */
    public static synchronized boolean install(Hooks installed) {
        if (hooks != null) {
            return false;
        }
        hooks = installed;
        return true;
    }

    /** Runs code of the application in which no hook has an effect. */
    public static <T> T untouched(Callable<T> code) throws Exception {
        return run(true, code);
    }

    /** Runs code in which hooks have an effect, even if its caller is {@link #untouched}. */
    public static <T> T hooked(Callable<T> code) throws Exception {
        return run(null, code);
    }

    private static <T> T run(Boolean untouched, Callable<T> code) throws Exception {
        Boolean outer = UNTOUCHED.get();
        set(untouched);
        try {
            return code.call();
        } finally {
            set(outer);
        }
    }

    private static void set(Boolean untouched) {
        if (untouched == null) {
            UNTOUCHED.remove();
        } else {
            UNTOUCHED.set(untouched);
        }
    }

    /** Sends a call to an endpoint. A client without a balancer further down must not route it again. */
    public static <T> T calling(Endpoint endpoint, Callable<T> code) throws Exception {
        String outer = CALLED.get();
        CALLED.set(endpoint.host());
        try {
            return code.call();
        } finally {
            if (outer == null) {
                CALLED.remove();
            } else {
                CALLED.set(outer);
            }
        }
    }

    /** Whether this thread sends a call to an endpoint at the host. */
    public static boolean calls(String host) {
        return host.equals(CALLED.get());
    }

    /** The result of a hooked method, or null if its own code is to run. */
    public static Object before(Object self, Object a, Object b, Object c, int hook) throws Throwable {
        Hooks h = hooks;
        return h == null || UNTOUCHED.get() != null ? null : h.before(hook, self, a, b, c);
    }

    /** The result of a hooked method whose own code has run. */
    public static Object after(Object result, Object self, Object a, Object b, int hook) {
        Hooks h = hooks;
        return h == null || UNTOUCHED.get() != null ? result : h.after(hook, result, self, a, b);
    }
}
