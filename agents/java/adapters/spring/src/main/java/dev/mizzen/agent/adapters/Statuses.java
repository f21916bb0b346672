package dev.mizzen.agent.adapters;

import java.lang.reflect.InvocationTargetException;

/** A status in the type that a generation of Spring has: HttpStatus, or HttpStatusCode as of Spring 6. */
final class Statuses {
    private Statuses() {
    }

    static Object of(Class<?> type, int status) {
        try {
            return type.getMethod("valueOf", int.class).invoke(null, status);
        } catch (InvocationTargetException e) {
            throw new IllegalArgumentException("the status " + status + " has no name in this version of Spring", e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(type.getName(), e);
        }
    }
}
