package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Bridge;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import java.time.Duration;
import java.util.Collections;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Supplier;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/** A call of a client library that does not block: its delay, its attempts and their limits. */
abstract class Reactive<R> {
    /** The name of the service that the application uses. */
    final String name;
    final Service service;
    final Plan plan;

    Reactive(String name, Service service, Plan plan) {
        this.name = name;
        this.service = service;
        this.plan = plan;
    }

    abstract Mono<R> send(Endpoint endpoint, Plan plan);

    /** Sends a copy of the call and drops its response. */
    Mono<Void> copy(Endpoint endpoint, Plan copy) {
        return send(endpoint, copy).flatMap(this::discard);
    }

    abstract int status(R response);

    abstract Mono<Void> discard(R response);

    abstract Mono<R> answer(Answer answer);

    abstract R edited(R response);

    abstract Mono<R> unavailable(String failure);

    /** Whether the call can be made again. */
    boolean repeatable() {
        return true;
    }

    /** The error of a call whose limit has passed. */
    Throwable late(TimeoutException e) {
        return e;
    }

    /**
     * Decides as soon as the service is settled, and never waits.
     *
     * @param own the application's own code, given the lane of the subscriber
     */
    static <R> Mono<R> decide(String name, Service service, Supplier<Mono<R>> meshed, Function<String, Mono<R>> own) {
        CompletableFuture<Service.Presence> settled = service.settled().toCompletableFuture();
        boolean registryFirst = service.mode() == Service.Mode.REGISTRY_FIRST;
        if (settled.isDone() && !registryFirst) {
            return Call.meshed(service, name, settled.join()) ? Mono.defer(meshed) : untouched(own);
        }
        Mono<Boolean> decision = Mono.fromFuture(settled).map(presence -> Call.meshed(service, name, presence));
        if (registryFirst) {
            decision = decision.subscribeOn(Schedulers.boundedElastic());
        }
        return decision.flatMap(yes -> yes ? meshed.get() : untouched(own));
    }

    private static <R> Mono<R> untouched(Function<String, Mono<R>> own) {
        return Lanes.reading(lane -> {
            try {
                return Bridge.untouched(() -> own.apply(lane));
            } catch (Exception e) {
                return Mono.error(e);
            }
        });
    }

    final Mono<R> run() {
        Mono<R> call;
        if (plan.answer() != null) {
            call = answer(plan.answer()).map(this::edited);
        } else {
            call = Mono.defer(() -> attempts(1, System.nanoTime()));
            if (plan.timeoutNanos() > 0) {
                call = call.timeout(Duration.ofNanos(plan.timeoutNanos()), ended(false, plan));
            }
            call = call.map(this::edited).onErrorMap(TimeoutException.class, this::late);
        }
        return plan.delayNanos() > 0 ? Mono.delay(Duration.ofNanos(plan.delayNanos())).then(call) : call;
    }

    private <T> Mono<T> ended(boolean perTry, Plan plan) {
        return Mono.defer(() -> Mono.error(new TimeoutException(Call.late(name, perTry, plan))));
    }

    /** Makes the copies of the call, whose responses are dropped. */
    final void mirror() {
        for (Plan copy : plan.mirrors()) {
            pick(copy).flatMap(attempt -> copy(attempt.endpoint(), copy).doOnTerminate(() -> attempt.done(200))).subscribe(x -> { }, e -> { });
        }
    }

    private Mono<R> attempts(int retry, long start) {
        return pick(plan).flatMap(attempt -> send(attempt, plan).map(r -> new Outcome<>(r, null))
                .onErrorResume(e -> Mono.just(new Outcome<>(null, e))).flatMap(outcome -> next(outcome, retry, start)))
                .switchIfEmpty(Mono.defer(() -> unavailable(plan.failure())));
    }

    /** The outcome of an attempt, or the next one. */
    private Mono<R> next(Outcome<R> outcome, int retry, long start) {
        R response = outcome.response;
        boolean again = repeatable() && plan.retry(retry, response == null ? 0 : status(response), outcome.failure);
        long backoff = again ? plan.backoffNanos(retry) : 0;
        if (!again || plan.timeoutNanos() > 0 && System.nanoTime() - start + backoff >= plan.timeoutNanos()) {
            return response != null ? Mono.just(response) : Mono.error(outcome.failure);
        }
        Mono<Void> rest = response == null ? Mono.empty() : discard(response);
        return rest.then(Mono.delay(Duration.ofNanos(backoff))).then(Mono.defer(() -> attempts(retry + 1, start)));
    }

    private Mono<Attempt> pick(Plan plan) {
        if (service.mode() != Service.Mode.MERGE) {
            return Mono.fromCallable(() -> plan.attempt(Collections::emptyList));
        }
        return Mono.fromCallable(() -> Registry.instances(name)).subscribeOn(Schedulers.boundedElastic())
                .flatMap(registry -> Mono.fromCallable(() -> plan.attempt(() -> registry)));
    }

    private Mono<R> send(Attempt attempt, Plan sent) {
        Mono<R> response = calling(attempt.endpoint(), Mono.defer(() -> send(attempt.endpoint(), sent)));
        if (sent.perTryTimeoutNanos() > 0) {
            response = response.timeout(Duration.ofNanos(sent.perTryTimeoutNanos()), ended(true, sent));
        }
        return response.onErrorMap(Encrypted::clear).doOnNext(r -> attempt.done(status(r))).doOnError(attempt::failed).doOnCancel(() -> attempt.failed(new CancellationException()));
    }

    private static <R> Mono<R> calling(Endpoint endpoint, Mono<R> sent) {
        return new Mono<R>() {
            @Override
            public void subscribe(CoreSubscriber<? super R> actual) {
                try {
                    Bridge.calling(endpoint, () -> {
                        sent.subscribe(actual);
                        return null;
                    });
                } catch (Exception e) {
                    throw new IllegalStateException(e); // subscribe throws none
                }
            }
        };
    }

    private static final class Outcome<R> {
        final R response;
        final Throwable failure;

        Outcome(R response, Throwable failure) {
            this.response = response;
            this.failure = failure;
        }
    }
}
