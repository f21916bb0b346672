package dev.mizzen.agent.adapters;

import java.util.function.Function;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.publisher.Mono;
import reactor.util.context.Context;

/** The lane of a call in Reactor's context. The operators are of our own, because Reactor renamed its own for contexts. */
final class Lanes {
    private static final Object KEY = Lanes.class.getName();

    private Lanes() {
    }

    /** A Mono made with the lane of its subscriber's context, which is null if there is none. */
    static <T> Mono<T> reading(Function<String, Mono<T>> code) {
        return new Mono<T>() {
            @Override
            public void subscribe(CoreSubscriber<? super T> actual) {
                String lane = actual.currentContext().getOrDefault(KEY, null);
                Mono.defer(() -> code.apply(lane)).subscribe(actual);
            }
        };
    }

    /** The Mono with the lane in the context of what it is made of. */
    static <T> Mono<T> writing(Mono<T> source, String lane) {
        return new Mono<T>() {
            @Override
            public void subscribe(CoreSubscriber<? super T> actual) {
                Context context = actual.currentContext().put(KEY, lane);
                source.subscribe(new CoreSubscriber<T>() {
                    @Override
                    public Context currentContext() {
                        return context;
                    }

                    @Override
                    public void onSubscribe(Subscription s) {
                        actual.onSubscribe(s);
                    }

                    @Override
                    public void onNext(T t) {
                        actual.onNext(t);
                    }

                    @Override
                    public void onError(Throwable t) {
                        actual.onError(t);
                    }

                    @Override
                    public void onComplete() {
                        actual.onComplete();
                    }
                });
            }
        };
    }
}
