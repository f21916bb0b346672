package dev.mizzen.agent.adapters;

import com.netflix.client.AbstractLoadBalancerAwareClient;
import com.netflix.client.ClientException;
import com.netflix.client.ClientRequest;
import com.netflix.client.IResponse;
import com.netflix.client.RequestSpecificRetryHandler;
import com.netflix.client.config.IClientConfig;
import com.netflix.client.http.HttpResponse;
import com.netflix.zuul.context.RequestContext;
import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.SocketTimeoutException;
import java.net.URI;
import javax.servlet.http.HttpServletRequest;
import org.springframework.cloud.netflix.ribbon.RibbonHttpResponse;
import org.springframework.cloud.netflix.ribbon.support.ContextAwareRequest;
import org.springframework.cloud.netflix.ribbon.support.RibbonCommandContext;
import org.springframework.cloud.netflix.zuul.filters.route.support.AbstractRibbonCommand;
import org.springframework.http.HttpHeaders;
import org.springframework.http.client.ClientHttpResponse;
import org.springframework.util.StreamUtils;

/** Zuul: the command that calls by Ribbon. For Hystrix, all attempts are one call. */
public final class ZuulCalls implements Adapter {
    private final Mesh mesh;
    private final Method createRequest;
    private final Field context, config;

    public ZuulCalls(Mesh mesh) throws ReflectiveOperationException {
        this.mesh = mesh;
        createRequest = AbstractRibbonCommand.class.getDeclaredMethod("createRequest");
        createRequest.setAccessible(true);
        context = AbstractRibbonCommand.class.getDeclaredField("context");
        context.setAccessible(true);
        config = AbstractRibbonCommand.class.getDeclaredField("config");
        config.setAccessible(true);
    }

    /** AbstractRibbonCommand.run(), or getRequestSpecificRetryHandler(request, config) of its client, which makes no retries of its own. */
    @Override
    public Object before(Object self, Object a, Object b, Object c) throws Exception {
        if (a != null) {
            return ((ContextAwareRequest) a).getLoadBalancerKey() instanceof RibbonBalancer.Chosen ? new RequestSpecificRetryHandler(false, false) : null;
        }
        AbstractRibbonCommand<?, ?, ?> command = (AbstractRibbonCommand<?, ?, ?>) self;
        RibbonCommandContext asked = command.getContext();
        String name = asked.getServiceId();
        Service service = mesh.service(name, 0);
        if (!Call.meshed(service, name, service.await())) {
            return null;
        }
        HttpHeaders headers = new HttpHeaders();
        asked.getHeaders().forEach((n, values) -> values.forEach(v -> headers.add(n, v)));
        URI uri = URI.create("http://" + name + asked.getUri() + Http.query(asked.getParams()));
        Plan plan = service.plan(new Call(asked.getMethod(), uri, n -> Http.header(headers, n)));
        ZuulCall call = new ZuulCall(name, service, plan, command, asked, headers);
        call.mirror();
        try {
            ClientHttpResponse response = call.run();
            if (command.isResponseTimedOut()) {
                response.close();
            }
            return response;
        } catch (Failed e) {
            throw e.client;
        } catch (SocketTimeoutException e) {
            // Zuul answers 504 if it is that deep.
            throw new ClientException(ClientException.ErrorType.GENERAL, e.getMessage(), new RuntimeException(e));
        }
    }

    private static final class Failed extends IOException {
        private static final long serialVersionUID = 1;
        final transient ClientException client;

        Failed(ClientException client) {
            super(client);
            this.client = client;
        }
    }

    private final class ZuulCall extends ClientCall {
        private final AbstractRibbonCommand<?, ?, ?> command;
        private final RibbonCommandContext asked;
        private final HttpHeaders headers;
        /** Null if it is sent as it comes in: then it can be sent once. */
        private final byte[] body;

        ZuulCall(String name, Service service, Plan plan, AbstractRibbonCommand<?, ?, ?> command, RibbonCommandContext asked, HttpHeaders headers) throws IOException {
            super(name, service, plan);
            this.command = command;
            this.asked = asked;
            this.headers = headers;
            body = body();
        }

        private byte[] body() throws IOException {
            long length = asked.getContentLength() == null ? -1 : asked.getContentLength();
            // It is null on a thread of Hystrix.
            HttpServletRequest request = RequestContext.getCurrentContext().getRequest();
            if (length == 0 || length < 0 && (request == null ? asked.getMethod().equals("GET") : request.getHeader("Transfer-Encoding") == null)) {
                return new byte[0];
            }
            return length < 0 || length > GatewayCalls.BUFFER ? null : StreamUtils.copyToByteArray(asked.getRequestEntity());
        }

        @Override
        ClientHttpResponse send(Endpoint endpoint, Plan plan, int connectMillis, int readMillis) throws IOException {
            HttpHeaders sent = plan.requestHeaders().isEmpty() && plan.host() == null ? headers : Http.edited(headers, plan.requestHeaders(), plan.host());
            ClientRequest request = request(new RibbonCommandContext(name, asked.getMethod(), plan.path(), false, sent, asked.getParams(),
                    body == null ? asked.getRequestEntity() : new ByteArrayInputStream(body), asked.getRequestCustomizers(),
                    body == null ? asked.getContentLength() : (Long) (long) body.length, new RibbonBalancer.Chosen(endpoint)));
            try {
                @SuppressWarnings("unchecked")
                AbstractLoadBalancerAwareClient<ClientRequest, IResponse> client = (AbstractLoadBalancerAwareClient<ClientRequest, IResponse>) (Object) command.getClient();
                return new RibbonHttpResponse((HttpResponse) client.executeWithLoadBalancer(request, (IClientConfig) config.get(command)));
            } catch (ClientException e) {
                throw new Failed(e);
            } catch (IllegalAccessException e) {
                throw new LinkageError("AbstractRibbonCommand.config", e);
            }
        }

        /** The request of the kind that the command's client takes. */
        private ClientRequest request(RibbonCommandContext attempt) {
            synchronized (command) {
                try {
                    context.set(command, attempt);
                    return (ClientRequest) createRequest.invoke(command);
                } catch (ReflectiveOperationException e) {
                    throw new LinkageError("AbstractRibbonCommand.createRequest", e);
                } finally {
                    restore();
                }
            }
        }

        private void restore() {
            try {
                context.set(command, asked);
            } catch (IllegalAccessException e) {
                throw new LinkageError("AbstractRibbonCommand.context", e);
            }
        }

        @Override
        boolean repeatable() {
            return body != null;
        }

        @Override
        ClientHttpResponse unavailable(String failure) throws IOException {
            throw new Failed(new ClientException(ClientException.ErrorType.GENERAL, "Load balancer does not have available server for client: " + name + ": " + failure));
        }
    }
}
