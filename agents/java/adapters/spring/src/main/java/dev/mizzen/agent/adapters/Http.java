package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.HeaderEdits;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.springframework.http.HttpHeaders;
import org.springframework.web.server.ResponseStatusException;
import org.springframework.web.util.UriUtils;

/** What differs between Spring 5, 6 and 7, by the methods that all of them have. */
final class Http {
    private Http() {
    }

    /** The values of a header, joined by a comma; null if there are none. */
    static String header(HttpHeaders headers, String name) {
        if (headers.getFirst(name) == null) {
            return null;
        }
        List<String> values = new ArrayList<>(1);
        headers.forEach((n, v) -> {
            if (n.equalsIgnoreCase(name)) {
                values.addAll(v);
            }
        });
        return HeaderMap.joined(values);
    }

    static HeaderMap copy(HttpHeaders headers) {
        HeaderMap copy = new HeaderMap();
        headers.forEach((n, v) -> v.forEach(x -> copy.add(n, x)));
        return copy;
    }

    static HttpHeaders edited(HttpHeaders headers, HeaderEdits edits, String host) {
        HeaderMap copy = copy(headers).edit(edits);
        if (host != null) {
            copy.set("Host", host);
        }
        HttpHeaders edited = new HttpHeaders();
        fill(edited, copy);
        return edited;
    }

    static void fill(HttpHeaders headers, HeaderMap from) {
        from.forEach((n, v) -> v.forEach(x -> headers.add(n, x)));
    }

    /** Changes headers in place. */
    static void edit(HttpHeaders headers, HeaderEdits edits, String host) {
        HeaderMap copy = copy(headers).edit(edits);
        if (host != null) {
            copy.set("Host", host);
        }
        headers.clear();
        fill(headers, copy);
    }

    /** The raw query of parameters, with the question mark; empty if there are none. */
    static String query(Map<String, List<String>> params) {
        StringBuilder query = new StringBuilder();
        params.forEach((n, values) -> values.forEach(v -> query.append(query.length() == 0 ? '?' : '&').append(encode(n)).append('=').append(encode(v))));
        return query.toString();
    }

    private static String encode(String text) {
        return text == null ? "" : UriUtils.encode(text, StandardCharsets.UTF_8);
    }

    /** The status of a response of a type, whose method returns HttpStatus, or HttpStatusCode as of Spring 6. 0 if it has none. */
    static int status(Class<?> type, Object response) {
        try {
            return (int) STATUS.get(type).invokeExact(response);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /** A status as a value of Spring's type. */
    static Object status(Class<?> type, int status) {
        try {
            return type.getMethod("valueOf", int.class).invoke(null, status);
        } catch (InvocationTargetException e) {
            throw new IllegalArgumentException("the status " + status + " has no name in this version of Spring", e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(type.getName(), e);
        }
    }

    /** The exception that has Spring answer a request of its own with a status. */
    static RuntimeException failure(int status, Exception cause) {
        for (Constructor<?> c : ResponseStatusException.class.getConstructors()) {
            Class<?>[] types = c.getParameterTypes();
            if (types.length == 3 && types[0] != int.class && types[2] == Throwable.class) {
                try {
                    return (RuntimeException) c.newInstance(status(types[0], status), cause.getMessage(), cause);
                } catch (ReflectiveOperationException e) {
                    throw new LinkageError(ResponseStatusException.class.getName(), e);
                }
            }
        }
        throw new LinkageError(ResponseStatusException.class.getName() + " has no constructor with a cause");
    }

    private static final ClassValue<MethodHandle> STATUS = new ClassValue<MethodHandle>() {
        @Override
        protected MethodHandle computeValue(Class<?> response) {
            try {
                Method m = method(response);
                MethodHandles.Lookup lookup = MethodHandles.publicLookup();
                MethodHandle value = lookup.findVirtual(m.getReturnType(), "value", MethodType.methodType(int.class));
                MethodHandle absent = MethodHandles.dropArguments(MethodHandles.constant(int.class, 0), 0, m.getReturnType());
                MethodHandle isNull = lookup.findStatic(java.util.Objects.class, "isNull", MethodType.methodType(boolean.class, Object.class));
                MethodHandle safe = MethodHandles.guardWithTest(isNull.asType(MethodType.methodType(boolean.class, m.getReturnType())), absent, value);
                return MethodHandles.filterReturnValue(lookup.unreflect(m), safe).asType(MethodType.methodType(int.class, Object.class));
            } catch (ReflectiveOperationException e) {
                throw new LinkageError(response.getName() + " has no status", e);
            }
        }

        private Method method(Class<?> response) throws NoSuchMethodException {
            try {
                return response.getMethod("getStatusCode");
            } catch (NoSuchMethodException e) {
                return response.getMethod("statusCode");
            }
        }
    };
}
