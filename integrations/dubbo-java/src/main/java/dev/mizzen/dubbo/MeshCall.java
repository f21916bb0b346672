package dev.mizzen.dubbo;

import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import java.net.ConnectException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.dubbo.common.URL;
import org.apache.dubbo.common.constants.CommonConstants;
import org.apache.dubbo.rpc.Invocation;
import org.apache.dubbo.rpc.Invoker;
import org.apache.dubbo.rpc.RpcContext;
import org.apache.dubbo.rpc.RpcException;
import org.apache.dubbo.rpc.StatusRpcException;
import org.apache.dubbo.rpc.TimeoutCountDown;
import org.apache.dubbo.rpc.TriRpcStatus;
import org.apache.dubbo.rpc.support.RpcUtils;

/** A call that follows the mesh: the plan of the routes, and the attempt that is under way. */
final class MeshCall {
    private static final Object KEY = MeshCall.class;
    /** How many endpoints are tried for one attempt, if Dubbo has no connection to them. */
    private static final int CHOICES = 16;
    /** What Dubbo uses if nothing is configured, in milliseconds. */
    private static final long DEFAULT_TIMEOUT = 3000;

    private final Followed service;
    private final URL consumer;
    private final Invocation invocation;
    /** When the rule's limit begins: after its delay. */
    private long start;
    private Plan plan;
    /** Picked before the cluster asks for an endpoint; null once it has. */
    private Attempt first;
    private volatile Attempt current;
    private final Set<String> tried = new HashSet<>();
    /** The limit of one attempt that the application set, in milliseconds; read only if a rule has one, too. */
    private long own;
    private Object countDown;
    private boolean isLimited;
    /** Nothing of the rule's limit is left for another attempt. */
    private boolean isLate;

    MeshCall(Followed service, URL consumer, Invocation invocation) {
        this.service = service;
        this.consumer = consumer;
        this.invocation = invocation;
    }

    /** Null if the call does not follow the mesh. */
    static MeshCall of(Invocation invocation) {
        return (MeshCall) invocation.get(KEY);
    }

    /** Decides the call. Throws if there is nothing to call. */
    void begin() {
        if (service.service.presence() != Service.Presence.KNOWN && service.service.await() != Service.Presence.KNOWN) {
            throw failed(TriRpcStatus.UNAVAILABLE, "the control plane does not know it, or has not answered. 'controlplane inspect unknown' names what is near");
        }
        MeshRequest request = new MeshRequest(service.name, consumer.getServiceInterface(), invocation);
        plan = service.service.plan(request);
        delay(plan.delayNanos());
        start = System.nanoTime();
        if (plan.timeoutNanos() > 0) {
            String method = RpcUtils.getMethodName(invocation);
            countDown = RpcContext.getClientAttachment().getObjectAttachment(CommonConstants.TIME_COUNTDOWN_KEY);
            isLimited = true;
            own = countDown != null ? ((TimeoutCountDown) countDown).timeRemaining(TimeUnit.MILLISECONDS)
                    : RpcUtils.getTimeout(consumer, method, RpcContext.getClientAttachment(), invocation, DEFAULT_TIMEOUT);
        }
        Answer answer = plan.answer();
        if (answer != null) {
            throw failed(status(answer.status()), "a rule of the mesh answers with the HTTP status " + answer.status());
        }
        first = plan.attempt(null);
        if (first == null) {
            throw failed(TriRpcStatus.UNAVAILABLE, plan.failure());
        }
        current = first;
        invocation.put(KEY, this); // from here on the cluster's filter leaves it if the call fails
        if (first.endpoint().secure()) {
            throw failed(TriRpcStatus.UNAVAILABLE, "the mesh demands TLS for " + first.cluster() + ", and mizzen-dubbo cannot encrypt");
        }
        plan.requestHeaders().apply(request);
        service.ensure(first.endpoint());
    }

    private void delay(long nanos) {
        if (nanos > 0) {
            try {
                TimeUnit.NANOSECONDS.sleep(nanos);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw failed(TriRpcStatus.CANCELLED, "the thread was interrupted while a rule delayed the call");
            }
        }
    }

    private RpcException failed(TriRpcStatus status, String why) {
        leave();
        return status.withDescription(service.name + ": " + why).asException();
    }

    /** Returns the invoker of the next attempt: if possible one with a connection that was not tried before. Null if there is no endpoint. */
    <T> Invoker<T> choose(List<Invoker<T>> invokers) {
        if (!limit()) {
            leave();
            return null;
        }
        if (first == null) {
            leave(); // the attempt before, if nothing has ended it
        }
        Invoker<T> found = null;
        for (int i = 0; i < CHOICES; i++) {
            Attempt attempt = first != null ? first : plan.attempt(null);
            first = null;
            if (attempt == null) {
                break;
            }
            if (attempt.endpoint().secure()) {
                attempt.done(0);
                leave();
                return null;
            }
            Invoker<T> invoker = of(attempt.endpoint(), invokers);
            boolean available = invoker != null && invoker.isAvailable();
            if (available && tried.add(invoker.getUrl().getAddress())) {
                use(attempt);
                return invoker;
            }
            if (available ? found == null || !found.isAvailable() : invoker != null && found == null) {
                found = invoker; // for want of a better one
                use(attempt);
            }
            if (invoker != null && !available) {
                attempt.failed(new ConnectException("Dubbo has no connection to " + invoker.getUrl().getAddress()));
            } else if (attempt != current || found == null) {
                attempt.done(0);
            }
        }
        if (found == null) {
            leave();
        }
        return found;
    }

    private static <T> Invoker<T> of(Endpoint e, List<Invoker<T>> invokers) {
        for (Invoker<T> invoker : invokers) {
            URL url = invoker.getUrl();
            if (url.getPort() == e.port() && url.getHost().equals(e.host())) {
                return invoker;
            }
        }
        return null;
    }

    /** Makes an attempt the one that is under way. */
    private void use(Attempt attempt) {
        if (current != attempt) {
            leave();
            current = attempt;
        }
    }

    /** Ends the attempt that is under way, if there is one, as one that was not made. It says nothing of its endpoint. */
    void leave() {
        Attempt attempt = current;
        current = first = null;
        if (attempt != null) {
            attempt.done(0);
        }
    }

    /** Gives an attempt what is left of the rule's limit, or the application's own limit if that is shorter. False if nothing is left. */
    private boolean limit() {
        if (plan.timeoutNanos() <= 0) {
            return true;
        }
        long left = TimeUnit.NANOSECONDS.toMillis(plan.timeoutNanos() - (System.nanoTime() - start));
        isLate = left <= 0;
        if (isLate) {
            return false;
        }
        RpcContext.getClientAttachment().setObjectAttachment(CommonConstants.TIME_COUNTDOWN_KEY, TimeoutCountDown.newCountDown(Math.min(left, own), TimeUnit.MILLISECONDS));
        return true;
    }

    /** Says that the rule's limit ended the call, if it did: Dubbo only sees that there is no invoker for another attempt. */
    RpcException late(RpcException e) {
        return !isLate ? e : new RpcException(RpcException.TIMEOUT_EXCEPTION,
                service.name + ": the limit of the rule has passed, " + TimeUnit.NANOSECONDS.toMillis(plan.timeoutNanos()) + " ms", e);
    }

    /** Gives back the time limit that the thread had. */
    void restore() {
        if (isLimited) {
            if (countDown == null) {
                RpcContext.getClientAttachment().removeAttachment(CommonConstants.TIME_COUNTDOWN_KEY);
            } else {
                RpcContext.getClientAttachment().setObjectAttachment(CommonConstants.TIME_COUNTDOWN_KEY, countDown);
            }
        }
    }

    /** Ends the attempt that is under way. An exception of the provider's own counts as an answer. */
    void ended(Throwable failure) {
        Attempt attempt = current;
        current = null;
        if (attempt == null) {
            return;
        }
        if (failure instanceof StatusRpcException) {
            attempt.done(http(((StatusRpcException) failure).getStatus().code));
        } else if (failure instanceof RpcException && !((RpcException) failure).isBiz()) {
            attempt.failed(failure);
        } else {
            attempt.done(200);
        }
    }

    /** The status by which outlier detection counts, as Envoy does. */
    private static int http(TriRpcStatus.Code code) {
        switch (code) {
            case UNAVAILABLE: return 503;
            case DEADLINE_EXCEEDED: return 504;
            case UNIMPLEMENTED: return 501;
            case UNKNOWN:
            case INTERNAL:
            case DATA_LOSS: return 500;
            default: return 200;
        }
    }

    /** gRPC's status for a response with an HTTP status alone. */
    private static TriRpcStatus status(int http) {
        switch (http) {
            case 400: return TriRpcStatus.INTERNAL;
            case 401: return TriRpcStatus.fromCode(TriRpcStatus.Code.UNAUTHENTICATED);
            case 403: return TriRpcStatus.fromCode(TriRpcStatus.Code.PERMISSION_DENIED);
            case 404: return TriRpcStatus.UNIMPLEMENTED;
            case 429:
            case 502:
            case 503:
            case 504: return TriRpcStatus.UNAVAILABLE;
            default: return TriRpcStatus.UNKNOWN;
        }
    }
}
