package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Tls;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.WeakHashMap;
import javax.net.ssl.HostnameVerifier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.X509TrustManager;

/**
 * Copies of an application's request factories, connectors and clients that differ in their TLS alone. They have connections of their own, one set for
 * each TLS of the mesh. They are of the library's own classes: no code of the application sets other certificates in them.
 */
final class Copies {
    private static final String[] LIBRARIES = {"org.springframework.http.client.", "org.springframework.cloud.gateway.filter.", "feign.", "org.apache.hc.client5.http.impl.classic."};
    private static final Map<Object, Map<Tls, Object>> COPIES = new WeakHashMap<>();
    /** What has the TLS of a library, by the type of the field that it is in. */
    private static final Map<String, Change> CHANGES = new HashMap<>();

    static {
        CHANGES.put("javax.net.ssl.SSLSocketFactory", (value, tls) -> tls.sockets());
        CHANGES.put("javax.net.ssl.HostnameVerifier", (value, tls) -> tls.verifier());
        CHANGES.put("java.net.http.HttpClient", Copies::jdk);
        CHANGES.put("reactor.netty.http.client.HttpClient", (value, tls) -> ReactorTls.with(value, tls));
        CHANGES.put("okhttp3.OkHttpClient", Copies::okHttp);
        CHANGES.put("org.apache.hc.client5.http.classic.HttpClient", Copies::make);
        CHANGES.put("org.apache.hc.client5.http.io.HttpClientConnectionManager", Copies::apache);
    }

    private interface Change {
        Object apply(Object value, Tls tls) throws ReflectiveOperationException, IOException;
    }

    private Copies() {
    }

    /** The copy of an object with the mesh's TLS. */
    static Object of(Object self, Tls tls) throws IOException {
        synchronized (COPIES) {
            Map<Tls, Object> copies = COPIES.computeIfAbsent(self, s -> new WeakHashMap<>());
            Object copy = copies.get(tls);
            if (copy == null) {
                try {
                    copy = make(self, tls);
                } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
                    throw Encrypted.impossible(self.getClass().getName(), e);
                }
                copies.put(tls, copy);
            }
            return copy;
        }
    }

    private static Object make(Object self, Tls tls) throws ReflectiveOperationException, IOException {
        for (Class<?> c = self.getClass(); c != null; c = c.getSuperclass()) {
            if (CHANGES.containsKey(c.getName())) {
                return CHANGES.get(c.getName()).apply(self, tls);
            }
        }
        Class<?> type = library(self);
        Map<Field, Object> fields = new LinkedHashMap<>();
        List<Field> changed = new ArrayList<>();
        for (Class<?> c = type; c != Object.class; c = c.getSuperclass()) {
            for (Field f : c.getDeclaredFields()) {
                if (Modifier.isStatic(f.getModifiers())) {
                    continue;
                }
                f.setAccessible(true);
                Object value = f.get(self);
                Change change = CHANGES.get(f.getType().getName());
                if (change != null) {
                    value = change.apply(value, tls);
                    changed.add(f);
                }
                fields.put(f, value);
            }
        }
        // HttpURLConnections get their TLS one by one.
        if (changed.isEmpty() && !type.getName().endsWith(".SimpleClientHttpRequestFactory")) {
            throw Encrypted.impossible(type.getName(), null);
        }
        Object copy = construct(type, fields, changed);
        for (Map.Entry<Field, Object> e : fields.entrySet()) {
            if (!Modifier.isFinal(e.getKey().getModifiers()) && !changed.contains(e.getKey())) {
                e.getKey().set(copy, e.getValue());
            }
        }
        return copy;
    }

    private static Class<?> library(Object self) throws IOException {
        for (Class<?> c = self.getClass(); c != null; c = c.getSuperclass()) {
            for (String prefix : LIBRARIES) {
                if (c.getName().startsWith(prefix)) {
                    return c;
                }
            }
        }
        throw Encrypted.impossible(self.getClass().getName(), null);
    }

    /** Calls the longest constructor that fields fill, among them all that are changed. */
    private static Object construct(Class<?> type, Map<Field, Object> fields, List<Field> changed) throws ReflectiveOperationException, IOException {
        Constructor<?>[] constructors = type.getDeclaredConstructors();
        Arrays.sort(constructors, (a, b) -> b.getParameterCount() - a.getParameterCount());
        for (Constructor<?> c : constructors) {
            List<Field> left = new ArrayList<>(fields.keySet());
            List<Object> arguments = new ArrayList<>();
            for (Class<?> parameter : c.getParameterTypes()) {
                Optional<Field> field = left.stream().filter(f -> f.getType() == parameter).findFirst();
                if (field.isPresent()) {
                    left.remove(field.get());
                    arguments.add(fields.get(field.get()));
                } else if (parameter == List.class) { // what Apache's client closes with itself
                    arguments.add(null);
                }
            }
            if (arguments.size() == c.getParameterCount() && Collections.disjoint(left, changed)) {
                c.setAccessible(true);
                return c.newInstance(arguments.toArray());
            }
        }
        throw Encrypted.impossible(type.getName(), null);
    }

    /** Has all that a client of the JDK tells of itself. */
    private static Object jdk(Object client, Tls tls) throws ReflectiveOperationException {
        Class<?> type = Class.forName("java.net.http.HttpClient"), builder = Class.forName("java.net.http.HttpClient$Builder");
        Object b = type.getMethod("newBuilder").invoke(null);
        SSLParameters parameters = (SSLParameters) type.getMethod("sslParameters").invoke(client);
        if (!tls.names().isEmpty()) {
            parameters.setServerNames(tls.names());
        }
        builder.getMethod("sslParameters", SSLParameters.class).invoke(b, parameters);
        builder.getMethod("sslContext", SSLContext.class).invoke(b, tls.context());
        for (String setting : new String[] {"cookieHandler", "connectTimeout", "followRedirects", "proxy", "version", "authenticator", "executor"}) {
            Object value = type.getMethod(setting).invoke(client);
            if (value instanceof Optional) {
                value = ((Optional<?>) value).orElse(null);
            }
            for (java.lang.reflect.Method m : builder.getMethods()) {
                if (value != null && m.getName().equals(setting)) {
                    m.invoke(b, value);
                }
            }
        }
        return builder.getMethod("build").invoke(b);
    }

    private static Object okHttp(Object client, Tls tls) throws ReflectiveOperationException {
        Object b = client.getClass().getMethod("newBuilder").invoke(client);
        b.getClass().getMethod("sslSocketFactory", SSLSocketFactory.class, X509TrustManager.class).invoke(b, tls.sockets(), tls.trust());
        b.getClass().getMethod("hostnameVerifier", HostnameVerifier.class).invoke(b, tls.verifier());
        return b.getClass().getMethod("build").invoke(b);
    }

    /** A connection manager of Apache HttpClient 5 with as many connections. */
    private static Object apache(Object manager, Tls tls) throws ReflectiveOperationException {
        ClassLoader loader = manager.getClass().getClassLoader();
        Class<?> builder = loader.loadClass("org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder");
        Object b = builder.getMethod("create").invoke(null);
        Object sockets = loader.loadClass("org.apache.hc.client5.http.ssl.SSLConnectionSocketFactory").getConstructor(SSLSocketFactory.class, HostnameVerifier.class)
                .newInstance(tls.sockets(), tls.verifier());
        builder.getMethod("setSSLSocketFactory", loader.loadClass("org.apache.hc.client5.http.socket.LayeredConnectionSocketFactory")).invoke(b, sockets);
        Class<?> pool = loader.loadClass("org.apache.hc.core5.pool.ConnPoolControl");
        if (pool.isInstance(manager)) {
            builder.getMethod("setMaxConnTotal", int.class).invoke(b, pool.getMethod("getMaxTotal").invoke(manager));
            builder.getMethod("setMaxConnPerRoute", int.class).invoke(b, pool.getMethod("getDefaultMaxPerRoute").invoke(manager));
        }
        return builder.getMethod("build").invoke(b);
    }
}
