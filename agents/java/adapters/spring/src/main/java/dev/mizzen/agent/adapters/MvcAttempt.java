package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Plan;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.springframework.util.LinkedMultiValueMap;
import org.springframework.util.MultiValueMap;
import org.springframework.web.servlet.function.ServerRequest;
import org.springframework.web.servlet.function.ServerResponse;
import org.springframework.web.util.UriComponentsBuilder;

/**
 * A request of Gateway for WebMVC as one attempt sends it. It has attributes and a body of its own, because a copy of the request, and an attempt whose
 * limit has passed, may run beside another one or after the request.
 */
final class MvcAttempt {
    static final String URL = "GatewayServerMvc.gatewayRequestUrl";
    private static final String OF_GATEWAY = "GatewayServerMvc.gatewayAttributes", PRESERVE_HOST = "GatewayServerMvc.preserveHostHeader";
    private static final String[] RESPONSES = {"GatewayServerMvc.cachedClientResponse", "GatewayServerMvc.cachedClientResponseBody"};
    private static final boolean CLOSES = closes();

    private final Template template;
    private final ServerRequest request;
    private Map<String, Object> own;
    ServerResponse response;

    MvcAttempt(Template template, Plan plan, URI url) {
        this.template = template;
        own = template.attributes();
        own.put(URL, url);
        if (plan.host() != null) {
            own.put(PRESERVE_HOST, true);
        }
        ServerRequest original = template.request;
        ServerRequest.Headers headers = plan.requestHeaders().isEmpty() && plan.host() == null ? original.headers()
                : ServerRequest.from(original).headers(h -> Http.edit(h, plan.requestHeaders(), plan.host())).build().headers();
        URI uri = plan.path().equals(original.uri().getRawPath()) ? original.uri() : UriComponentsBuilder.fromUri(original.uri()).replacePath(plan.path()).build(true).toUri();
        Object servlet = template.body == null ? template.servlet : new Kept(template);
        request = (ServerRequest) Proxy.newProxyInstance(MvcAttempt.class.getClassLoader(), new Class<?>[] {ServerRequest.class}, (proxy, method, args) -> {
            switch (method.getName()) {
                case "attributes": return attributes();
                case "attribute": return Optional.ofNullable(attributes().get(args[0]));
                case "headers": return headers;
                case "params": return template.params;
                case "remoteAddress": return template.remote;
                case "servletRequest": return servlet;
                case "uri": return uri;
                default: return invoke(method, original, args);
            }
        });
    }

    ServerRequest request() {
        return request;
    }

    private synchronized Map<String, Object> attributes() {
        return own != null ? own : template.request.attributes();
    }

    /** The response of this attempt is the gateway's: its attributes are those of the original request from now on. */
    @SuppressWarnings("unchecked")
    synchronized void taken() {
        Map<String, Object> attributes = template.request.attributes(), ofGateway = (Map<String, Object>) own.remove(OF_GATEWAY);
        if (ofGateway != null) {
            ((Map<String, Object>) attributes.computeIfAbsent(OF_GATEWAY, n -> new HashMap<String, Object>())).putAll(ofGateway);
        }
        own.keySet().removeAll(Arrays.asList(PRESERVE_HOST, URL)); // another call of the handler decides anew
        own.forEach((n, v) -> {
            if (attributes.get(n) != v) {
                attributes.put(n, v);
            }
        });
        own = null;
    }

    /** Gateway 4.1.4 and later tell their responses. */
    private static boolean closes() {
        try {
            Class.forName("org.springframework.cloud.gateway.server.mvc.common.MvcUtils", false, MvcAttempt.class.getClassLoader()).getField("CLIENT_RESPONSE_INPUT_STREAM_ATTR");
            return true;
        } catch (ReflectiveOperationException e) {
            System.err.println("mizzen: this version of Spring Cloud Gateway for WebMVC does not tell its responses; retries and mirrors of the mesh are not followed. Use 4.1.4 or later");
            return false;
        }
    }

    void close() {
        for (String name : RESPONSES) {
            Object response = attributes().get(name);
            if (response instanceof Closeable) {
                try {
                    ((Closeable) response).close();
                } catch (IOException e) {
                    continue;
                }
            }
        }
    }

    private static Object invoke(Method method, Object target, Object[] args) throws Throwable {
        try {
            return method.invoke(target, args);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    /** What all attempts have in common. */
    static final class Template {
        private static final Method SERVLET = servlet();
        private final ServerRequest request;
        private final HttpServletRequest servlet;
        private final String remoteAddress, remoteHost;
        private final Optional<InetSocketAddress> remote;
        private final MultiValueMap<String, String> params;
        private final Map<String, Object> attributes, ofGateway;
        /** Null if it is sent as it comes in: then it can be sent once. */
        private final byte[] body;

        @SuppressWarnings("unchecked")
        Template(ServerRequest request) throws IOException {
            this.request = request;
            try {
                servlet = (HttpServletRequest) SERVLET.invoke(request);
            } catch (ReflectiveOperationException e) {
                throw new LinkageError(ServerRequest.class.getName() + ".servletRequest", e);
            }
            remoteAddress = servlet.getRemoteAddr();
            remoteHost = servlet.getRemoteHost();
            remote = request.remoteAddress();
            params = new LinkedMultiValueMap<>(request.params());
            attributes = new HashMap<>(request.attributes());
            ofGateway = (Map<String, Object>) attributes.get(OF_GATEWAY);
            body = body();
        }

        /** Spring 5, which this is compiled with, has the servlet API in another package. */
        private static Method servlet() {
            try {
                return ServerRequest.class.getMethod("servletRequest");
            } catch (NoSuchMethodException e) {
                throw new LinkageError(ServerRequest.class.getName() + ".servletRequest", e);
            }
        }

        private byte[] body() throws IOException {
            long length = servlet.getContentLengthLong();
            if (length == 0 || length < 0 && (servlet.getProtocol().startsWith("HTTP/1") ? servlet.getHeader("Transfer-Encoding") == null : servlet.getInputStream().isFinished())) {
                return new byte[0];
            }
            if (length < 0 || length > GatewayCalls.BUFFER) {
                return null;
            }
            ByteArrayOutputStream read = new ByteArrayOutputStream((int) length);
            InputStream in = servlet.getInputStream();
            byte[] b = new byte[8192];
            for (int n; (n = in.read(b)) > 0;) {
                read.write(b, 0, n);
            }
            return read.toByteArray();
        }

        boolean repeatable() {
            return CLOSES && body != null;
        }

        private Map<String, Object> attributes() {
            Map<String, Object> copy = new HashMap<>(attributes);
            if (ofGateway != null) {
                copy.put(OF_GATEWAY, new HashMap<>(ofGateway));
            }
            return copy;
        }

        /** The URI of the service, with the path and the query that are sent. */
        URI uri(String name) {
            return URI.create("lb://" + name + request.uri().getRawPath() + Http.query(params));
        }
    }

    /** The servlet request, of which nothing that the gateway reads is the container's any more. */
    private final class Kept extends HttpServletRequestWrapper {
        private final ServletInputStream in;

        Kept(Template template) {
            super(template.servlet);
            in = new Bytes(template.body);
        }

        @Override
        public ServletInputStream getInputStream() {
            return in;
        }

        @Override
        public Object getAttribute(String name) {
            return attributes().get(name);
        }

        @Override
        public String getRemoteAddr() {
            return template.remoteAddress;
        }

        @Override
        public String getRemoteHost() {
            return template.remoteHost;
        }
    }

    private static final class Bytes extends ServletInputStream {
        private final ByteArrayInputStream bytes;

        Bytes(byte[] body) {
            bytes = new ByteArrayInputStream(body);
        }

        @Override
        public int read() {
            return bytes.read();
        }

        @Override
        public int read(byte[] b, int offset, int length) {
            return bytes.read(b, offset, length);
        }

        @Override
        public boolean isFinished() {
            return bytes.available() == 0;
        }

        @Override
        public boolean isReady() {
            return true;
        }

        @Override
        public void setReadListener(ReadListener listener) {
            throw new IllegalStateException("this body is read by the request's own thread");
        }
    }
}
