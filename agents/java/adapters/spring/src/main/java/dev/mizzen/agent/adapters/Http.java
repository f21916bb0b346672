package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.HeaderEdits;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import org.springframework.http.HttpHeaders;

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

    /** Reads the status of responses of a type, whose method returns HttpStatus, or HttpStatusCode as of Spring 6. */
    static MethodHandle status(Class<?> response, String method) {
        try {
            Method m = response.getMethod(method);
            MethodHandles.Lookup lookup = MethodHandles.publicLookup();
            MethodHandle value = lookup.findVirtual(m.getReturnType(), "value", MethodType.methodType(int.class));
            return MethodHandles.filterReturnValue(lookup.unreflect(m), value).asType(MethodType.methodType(int.class, response));
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(response.getName() + " has no status", e);
        }
    }
}
