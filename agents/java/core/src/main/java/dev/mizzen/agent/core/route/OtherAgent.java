package dev.mizzen.agent.core.route;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/** OpenTelemetry's agent, which carries baggage by itself, through thread pools, too. It adds the header when a call is sent: later than routes are decided. */
final class OtherAgent {
    private static final String BAGGAGE = "io.opentelemetry.javaagent.shaded.io.opentelemetry.api.baggage.Baggage";
    private MethodHandle current, value;

    /** It begins before the application does, so it is there at the first call. */
    OtherAgent() {
        try {
            Class<?> type = Class.forName(BAGGAGE, true, null);
            MethodHandles.Lookup lookup = MethodHandles.publicLookup();
            current = lookup.findStatic(type, "current", MethodType.methodType(type)).asType(MethodType.methodType(Object.class));
            value = lookup.findVirtual(type, "getEntryValue", MethodType.methodType(String.class, String.class)).asType(MethodType.methodType(String.class, Object.class, String.class));
        } catch (ReflectiveOperationException | LinkageError e) {
            value = null;
        }
    }

    /** The member of the baggage of the current thread; null if there is none. */
    String lane(String key) {
        if (value == null) {
            return null;
        }
        try {
            String lane = (String) value.invokeExact((Object) current.invokeExact(), key);
            return lane == null || lane.isEmpty() ? null : lane;
        } catch (Throwable e) {
            return null;
        }
    }
}
