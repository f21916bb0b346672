package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.net.URI;
import org.apache.http.Header;
import org.apache.http.HttpEntityEnclosingRequest;
import org.apache.http.HttpHost;
import org.apache.http.HttpMessage;
import org.apache.http.HttpRequest;
import org.apache.http.HttpResponse;
import org.apache.http.HttpVersion;
import org.apache.http.client.config.RequestConfig;
import org.apache.http.client.methods.CloseableHttpResponse;
import org.apache.http.client.methods.Configurable;
import org.apache.http.client.methods.HttpRequestWrapper;
import org.apache.http.client.protocol.HttpClientContext;
import org.apache.http.entity.ByteArrayEntity;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.message.BasicHttpResponse;
import org.apache.http.protocol.BasicHttpContext;
import org.apache.http.protocol.HttpContext;

/** Apache HttpClient 4. */
public final class Apache4Calls implements Adapter {
    private final Mesh mesh;

    public Apache4Calls(Mesh mesh) {
        this.mesh = mesh;
    }

    @Override
    public Object before(Object self, Object a, Object b, Object c) throws Exception {
        HttpHost target = (HttpHost) a;
        HttpRequest request = (HttpRequest) b;
        if (target == null || !mesh.plain(target.getHostName())) {
            return null;
        }
        String path = request.getRequestLine().getUri();
        URI uri = URI.create(path.startsWith("/") ? target.toURI() + path : path);
        Service service = RawCall.service(mesh, uri);
        return service == null ? null : new ApacheCall(service, uri, (CloseableHttpClient) self, request, (HttpContext) c).run();
    }

    private static HeaderMap headers(HttpMessage message) {
        HeaderMap headers = new HeaderMap();
        for (Header h : message.getAllHeaders()) {
            headers.add(h.getName(), h.getValue());
        }
        return headers;
    }

    private static void fill(HttpMessage message, HeaderMap headers) {
        message.setHeaders(new Header[0]);
        headers.forEach((name, values) -> values.forEach(v -> message.addHeader(name, v)));
    }

    private static final class ApacheCall extends RawCall<CloseableHttpResponse> {
        private final CloseableHttpClient client;
        private final HttpRequest request;
        private final HttpContext context;

        ApacheCall(Service service, URI uri, CloseableHttpClient client, HttpRequest request, HttpContext context) {
            super(service, request.getRequestLine().getMethod(), uri, headers(request)::get);
            this.client = client;
            this.request = request;
            this.context = context == null ? new BasicHttpContext() : context;
        }

        @Override
        boolean repeatable() {
            HttpEntityEnclosingRequest body = request instanceof HttpEntityEnclosingRequest ? (HttpEntityEnclosingRequest) request : null;
            return body == null || body.getEntity() == null || body.getEntity().isRepeatable();
        }

        @Override
        CloseableHttpResponse send(Endpoint endpoint, Plan plan, int connectMillis, int readMillis) throws IOException {
            URI at = Call.at(uri, endpoint, plan);
            HttpRequestWrapper sent = HttpRequestWrapper.wrap(request);
            sent.setURI(URI.create(target(at)));
            fill(sent, edited(headers(request), plan));
            RequestConfig own = request instanceof Configurable ? ((Configurable) request).getConfig() : null;
            own = own != null || !(client instanceof Configurable) ? own : ((Configurable) client).getConfig();
            own = own != null ? own : RequestConfig.DEFAULT;
            HttpClientContext.adapt(context).setRequestConfig(RequestConfig.copy(own).setConnectTimeout(shortest(own.getConnectTimeout(), connectMillis, readMillis))
                    .setSocketTimeout(shortest(own.getSocketTimeout(), readMillis, 0)).build());
            return client.execute(new HttpHost(Encrypted.host(endpoint), endpoint.port(), at.getScheme()), sent, context);
        }

        @Override
        int status(CloseableHttpResponse response) {
            return response.getStatusLine().getStatusCode();
        }

        @Override
        void discard(CloseableHttpResponse response) {
            close(response);
        }

        @Override
        CloseableHttpResponse answer(Answer answer) {
            HttpResponse response = new BasicHttpResponse(HttpVersion.HTTP_1_1, answer.status(), "");
            answer.headers().forEach(response::setHeader);
            response.setEntity(new ByteArrayEntity(answer.body()));
            return (CloseableHttpResponse) Proxy.newProxyInstance(Apache4Calls.class.getClassLoader(), new Class<?>[] {CloseableHttpResponse.class}, (proxy, method, args) -> {
                try {
                    return method.getName().equals("close") ? null : method.invoke(response, args);
                } catch (InvocationTargetException e) {
                    throw e.getCause();
                }
            });
        }

        @Override
        CloseableHttpResponse edited(CloseableHttpResponse response) {
            if (!plan.responseHeaders().isEmpty()) {
                fill(response, headers(response).edit(plan.responseHeaders()));
            }
            return response;
        }
    }
}
