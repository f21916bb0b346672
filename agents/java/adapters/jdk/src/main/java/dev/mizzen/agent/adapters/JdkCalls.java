package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Adapter;
import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Bridge;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import dev.mizzen.agent.bridge.Tls;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import javax.net.ssl.SSLSession;

/** java.net.http.HttpClient. Its calls that block are calls that do not, for which it waits. */
public final class JdkCalls implements Adapter {
    private static final AtomicBoolean SAID = new AtomicBoolean();
    private final Mesh mesh;

    public JdkCalls(Mesh mesh) {
        this.mesh = mesh;
    }

    @Override
    @SuppressWarnings("unchecked")
    public Object before(Object self, Object a, Object b, Object c) {
        HttpRequest request = (HttpRequest) a;
        Service service = Call.plain(mesh, request.uri());
        if (service == null || service.mode() == Service.Mode.REGISTRY_FIRST) {
            return null;
        }
        Exchange<Object> exchange = new Exchange<>((HttpClient) self, service, request, (HttpResponse.BodyHandler<Object>) b, (HttpResponse.PushPromiseHandler<Object>) c, mesh.lane());
        CompletableFuture<Service.Presence> settled = service.settled().toCompletableFuture();
        if (settled.isDone()) {
            return settled.join() == Service.Presence.KNOWN ? exchange.run() : null;
        }
        return settled.thenComposeAsync(presence -> presence == Service.Presence.KNOWN ? exchange.run() : exchange.own());
    }

    private static final class Exchange<T> {
        private final HttpClient client;
        private final Service service;
        private final HttpRequest request;
        private final HttpResponse.BodyHandler<T> handler;
        private final HttpResponse.PushPromiseHandler<T> push;
        private final Call call;
        private Plan plan;
        /** What is canceled with the call. */
        private volatile CompletableFuture<?> running;

        Exchange(HttpClient client, Service service, HttpRequest request, HttpResponse.BodyHandler<T> handler, HttpResponse.PushPromiseHandler<T> push, String lane) {
            this.client = client;
            this.service = service;
            this.request = request;
            this.handler = handler;
            this.push = push;
            this.call = new Call(request.method(), request.uri(), name -> HeaderMap.joined(request.headers().allValues(name)), lane);
        }

        /** The call as the client itself makes it. */
        CompletableFuture<HttpResponse<T>> own() {
            return sent(() -> Bridge.untouched(() -> client.sendAsync(request, handler, push)));
        }

        private static <R> CompletableFuture<R> sent(Callable<CompletableFuture<R>> code) {
            try {
                return code.call();
            } catch (Exception e) {
                return CompletableFuture.failedFuture(e);
            }
        }

        CompletableFuture<HttpResponse<T>> run() {
            plan = service.plan(call);
            Answer answer = plan.answer();
            CompletableFuture<HttpResponse<T>> result = new CompletableFuture<>();
            after(plan.delayNanos(), () -> answer != null ? answered(answer) : attempt(1, System.nanoTime())).whenComplete((response, failure) -> {
                if (failure == null) {
                    result.complete(response);
                } else {
                    result.completeExceptionally(cause(failure));
                }
            });
            result.whenComplete((response, failure) -> {
                CompletableFuture<?> last = running;
                if (result.isCancelled() && last != null) {
                    last.cancel(true);
                }
            });
            return result;
        }

        private static <R> CompletableFuture<R> after(long nanos, Supplier<CompletableFuture<R>> code) {
            return nanos <= 0 ? code.get() : new CompletableFuture<Void>().completeOnTimeout(null, nanos, TimeUnit.NANOSECONDS).thenComposeAsync(x -> code.get());
        }

        private CompletableFuture<HttpResponse<T>> attempt(int retry, long start) {
            long limit = plan.perTryTimeoutNanos(), whole = 0;
            if (plan.timeoutNanos() > 0) {
                long left = plan.timeoutNanos() - (System.nanoTime() - start);
                if (left <= 0) {
                    return CompletableFuture.failedFuture(new HttpTimeoutException(Call.late(request.uri().getHost(), false, plan)));
                }
                whole = limit == 0 || left < limit ? left : 0;
                limit = whole > 0 ? whole : limit;
            }
            Attempt attempt = plan.attempt(Collections::emptyList);
            if (attempt == null) {
                return CompletableFuture.failedFuture(new ConnectException("No instances available for " + request.uri().getHost() + ": " + plan.failure()));
            }
            Endpoint endpoint = attempt.endpoint();
            URI uri = Call.at(request.uri(), endpoint, plan);
            long allowed = limit;
            boolean perTry = whole == 0;
            CompletableFuture<HttpResponse<T>> sent = sent(() -> {
                Tls tls = endpoint.tls();
                HttpClient sender = tls == null ? client : (HttpClient) Copies.of(client, tls);
                HttpRequest to = to(tls == null ? uri : Encrypted.address(uri, endpoint), allowed);
                return Bridge.calling(endpoint, () -> sender.sendAsync(to, handler, push));
            });
            running = sent;
            return sent.handle((response, failure) -> {
                Throwable cause = failure == null ? null : Encrypted.clear(cause(failure));
                if (cause instanceof HttpTimeoutException && allowed > 0 && (!request.timeout().isPresent() || request.timeout().get().toNanos() > allowed)) {
                    cause = new HttpTimeoutException(Call.late(request.uri().getHost(), perTry, plan));
                }
                int status = cause != null ? 0 : response.statusCode();
                if (cause == null) {
                    attempt.done(status);
                } else {
                    attempt.failed(cause);
                }
                boolean again = plan.retry(retry, status, cause);
                long backoff = again ? plan.backoffNanos(retry) : 0;
                if (again && (plan.timeoutNanos() == 0 || System.nanoTime() - start + backoff < plan.timeoutNanos())) {
                    return after(backoff, () -> attempt(retry + 1, start));
                }
                return cause == null ? CompletableFuture.completedFuture(edited(response)) : CompletableFuture.<HttpResponse<T>>failedFuture(cause);
            }).thenCompose(next -> next);
        }

        private static Throwable cause(Throwable failure) {
            return failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        }

        private HttpRequest to(URI uri, long limit) {
            HttpRequest.Builder sent = HttpRequest.newBuilder(uri)
                    .method(request.method(), request.bodyPublisher().orElseGet(HttpRequest.BodyPublishers::noBody)).expectContinue(request.expectContinue());
            request.version().ifPresent(sent::version);
            Duration own = request.timeout().orElse(null);
            if (limit > 0 && (own == null || own.toNanos() > limit)) {
                own = Duration.ofNanos(limit);
            }
            if (own != null) {
                sent.timeout(own);
            }
            new HeaderMap(request.headers().map()).edit(plan.requestHeaders()).forEach((name, values) -> values.forEach(v -> sent.header(name, v)));
            if (plan.host() != null) {
                try {
                    sent.setHeader("Host", plan.host());
                } catch (IllegalArgumentException e) {
                    if (SAID.compareAndSet(false, true)) {
                        System.err.println("mizzen: java.net.http.HttpClient cannot send another Host header: rewrites of the authority are not followed. "
                                + "Start the JVM with -Djdk.httpclient.allowRestrictedHeaders=host");
                    }
                }
            }
            return sent.build();
        }

        private HttpResponse<T> edited(HttpResponse<T> response) {
            return plan.responseHeaders().isEmpty() ? response
                    : new Answered<>(request, response, response.statusCode(), headers(new HeaderMap(response.headers().map()).edit(plan.responseHeaders())), response.body());
        }

        private static HttpHeaders headers(HeaderMap headers) {
            Map<String, List<String>> lists = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
            headers.forEach((name, values) -> lists.put(name, new ArrayList<>(values)));
            return HttpHeaders.of(lists, (name, value) -> true);
        }

        /** The body handler of the application reads the answer as it would read a response. */
        private CompletableFuture<HttpResponse<T>> answered(Answer answer) {
            HeaderMap map = new HeaderMap();
            answer.headers().forEach(map::set);
            map.set("content-length", String.valueOf(answer.body().length));
            HttpHeaders headers = headers(map.edit(plan.responseHeaders()));
            HttpResponse.BodySubscriber<T> body = handler.apply(new Answered<T>(request, null, answer.status(), headers, null));
            body.onSubscribe(new Flow.Subscription() {
                private boolean sent;

                @Override
                public void request(long n) {
                    if (!sent) {
                        sent = true;
                        if (answer.body().length > 0) {
                            body.onNext(Collections.singletonList(ByteBuffer.wrap(answer.body())));
                        }
                        body.onComplete();
                    }
                }

                @Override
                public void cancel() {
                    sent = true;
                }
            });
            return body.getBody().<HttpResponse<T>>thenApply(t -> new Answered<>(request, null, answer.status(), headers, t)).toCompletableFuture();
        }
    }

    /** A response of the routes, or one with other headers. */
    private static final class Answered<T> implements HttpResponse<T>, HttpResponse.ResponseInfo {
        private final HttpRequest request;
        /** Null if the routes give the response. */
        private final HttpResponse<T> response;
        private final int status;
        private final HttpHeaders headers;
        private final T body;

        Answered(HttpRequest request, HttpResponse<T> response, int status, HttpHeaders headers, T body) {
            this.request = request;
            this.response = response;
            this.status = status;
            this.headers = headers;
            this.body = body;
        }

        @Override
        public int statusCode() {
            return status;
        }

        @Override
        public HttpRequest request() {
            return response == null ? request : response.request();
        }

        @Override
        public Optional<HttpResponse<T>> previousResponse() {
            return response == null ? Optional.empty() : response.previousResponse();
        }

        @Override
        public HttpHeaders headers() {
            return headers;
        }

        @Override
        public T body() {
            return body;
        }

        @Override
        public Optional<SSLSession> sslSession() {
            return response == null ? Optional.empty() : response.sslSession();
        }

        @Override
        public URI uri() {
            return response == null ? request.uri() : response.uri();
        }

        @Override
        public HttpClient.Version version() {
            return response == null ? HttpClient.Version.HTTP_1_1 : response.version();
        }
    }
}
