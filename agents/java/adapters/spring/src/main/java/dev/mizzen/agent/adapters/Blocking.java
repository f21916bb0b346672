package dev.mizzen.agent.adapters;

import dev.mizzen.agent.bridge.Answer;
import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Bridge;
import dev.mizzen.agent.bridge.Endpoint;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Service;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;

/** A call of a client library that blocks: its delay, its attempts and their limits. */
abstract class Blocking<R> {
    /** Threads of calls that have a limit. They end soon, because an idle thread keeps the application from being unloaded. */
    private static final ThreadPoolExecutor THREADS = new ThreadPoolExecutor(0, Integer.MAX_VALUE, 1, TimeUnit.SECONDS, new SynchronousQueue<>(), r -> {
        Thread t = new Thread(r, "mizzen-call");
        t.setDaemon(true);
        t.setContextClassLoader(null);
        return t;
    });

    private static final long MILLISECOND = 1_000_000;

    /** The name of the service that the application uses. */
    final String name;
    final Service service;
    final Plan plan;

    Blocking(String name, Service service, Plan plan) {
        this.name = name;
        this.service = service;
        this.plan = plan;
    }

    /** Sends the call. The limits are in milliseconds; 0 means that there is none. */
    abstract R send(Endpoint endpoint, Plan plan, int connectMillis, int readMillis) throws IOException;

    abstract int status(R response);

    abstract void discard(R response);

    abstract R answer(Answer answer);

    /** Changes the headers of the response. */
    abstract R edited(R response);

    /** What the library does if there is no instance. */
    abstract R unavailable(String failure) throws IOException;

    /** The instances of the application's registry. */
    List<Endpoint> registry() {
        return Registry.instances(name);
    }

    /** Whether the call can be made again, or copied. */
    boolean repeatable() {
        return true;
    }

    /** Whether the library ends an attempt at its limit by itself. */
    boolean limited() {
        return false;
    }

    final R run() throws IOException {
        pause(plan.delayNanos());
        Answer answer = plan.answer();
        if (answer != null) {
            return edited(answer(answer));
        }
        long start = System.nanoTime();
        for (int retry = 1;; retry++) {
            Attempt attempt = plan.attempt(this::registry);
            if (attempt == null) {
                return unavailable(plan.failure());
            }
            long left = left(start);
            boolean perTry = plan.perTryTimeoutNanos() > 0 && (left == 0 || left > plan.perTryTimeoutNanos());
            long limit = perTry ? plan.perTryTimeoutNanos() : left, began = System.nanoTime();
            R response = null;
            IOException failure = null;
            int status = 0;
            try {
                response = within(limit, perTry, () -> sendAs(plan, attempt.endpoint(), millis(plan.connectTimeoutNanos()), millis(limit)));
                status = status(response);
                attempt.done(status);
            } catch (IOException e) {
                Throwable clear = Encrypted.clear(e);
                failure = clear instanceof IOException ? (IOException) clear : e;
                // The library may end the attempt itself, by closing the connection or in another way.
                if (limit > 0 && System.nanoTime() - began + MILLISECOND >= limit && (limited() || e instanceof SocketTimeoutException)) {
                    failure = new SocketTimeoutException(Call.late(name, perTry, plan));
                    failure.initCause(e);
                }
                attempt.failed(e);
            } catch (RuntimeException | Error e) {
                attempt.failed(e);
                Throwable clear = Encrypted.clear(e);
                if (clear != e) {
                    throw (IOException) clear;
                }
                throw e;
            }
            long backoff = 0;
            boolean again = left(start) >= 0 && repeatable() && plan.retry(retry, status, failure);
            if (again) {
                backoff = plan.backoffNanos(retry);
                again = plan.timeoutNanos() == 0 || backoff < left(start);
            }
            if (!again) {
                if (failure != null) {
                    throw failure;
                }
                return edited(response);
            }
            if (response != null) {
                discard(response);
            }
            pause(backoff);
        }
    }

    private R sendAs(Plan plan, Endpoint endpoint, int connectMillis, int readMillis) throws IOException {
        Connections.CURRENT.set(new Connections.Attempt(connectMillis, readMillis, plan.host()));
        try {
            return call(() -> Bridge.calling(endpoint, () -> send(endpoint, plan, connectMillis, readMillis)));
        } finally {
            Connections.CURRENT.remove();
        }
    }

    /** What is left of the limit of the whole call: 0 if there is no limit, negative if nothing is left. */
    private long left(long start) {
        if (plan.timeoutNanos() == 0) {
            return 0;
        }
        long left = plan.timeoutNanos() - (System.nanoTime() - start);
        return left > 0 ? left : -1;
    }

    private static int millis(long nanos) {
        return nanos == 0 ? 0 : (int) Math.min(Integer.MAX_VALUE, Math.max(1, nanos / 1_000_000));
    }

    /** Makes the copies of the call, whose responses are dropped. */
    final void mirror() {
        if (!repeatable()) {
            return;
        }
        for (Plan copy : plan.mirrors()) {
            Attempt attempt = copy.attempt(this::registry);
            if (attempt == null) {
                continue;
            }
            THREADS.execute(() -> {
                try {
                    R response = sendAs(copy, attempt.endpoint(), 0, 0);
                    attempt.done(status(response));
                    discard(response);
                } catch (IOException | RuntimeException | Error e) {
                    attempt.failed(e);
                }
            });
        }
    }

    /** Runs code on a thread of its own. */
    static void later(Runnable code) {
        THREADS.execute(code);
    }

    private static void pause(long nanos) throws InterruptedIOException {
        if (nanos <= 0) {
            return;
        }
        try {
            TimeUnit.NANOSECONDS.sleep(nanos);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        }
    }

    /** Returns at the limit, even if the library cannot be told to give up: the attempt then runs on a thread of its own, and its late response is discarded. */
    private R within(long nanos, boolean perTry, Callable<R> send) throws IOException {
        if (nanos < 0) {
            throw new SocketTimeoutException(Call.late(name, false, plan));
        }
        if (nanos == 0 || limited()) {
            return call(send);
        }
        AtomicBoolean over = new AtomicBoolean();
        ClassLoader context = Thread.currentThread().getContextClassLoader();
        FutureTask<R> task = new FutureTask<>(() -> {
            Thread.currentThread().setContextClassLoader(context);
            try {
                R response = send.call();
                if (!over.compareAndSet(false, true)) {
                    discard(response);
                }
                return response;
            } finally {
                Thread.currentThread().setContextClassLoader(null);
            }
        });
        THREADS.execute(task);
        try {
            return await(task, nanos, perTry, over);
        } catch (InterruptedException e) {
            over.set(true);
            task.cancel(true);
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        }
    }

    private R await(FutureTask<R> task, long nanos, boolean perTry, AtomicBoolean over) throws IOException, InterruptedException {
        try {
            return task.get(nanos, TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            if (over.compareAndSet(false, true)) {
                task.cancel(true);
                throw new SocketTimeoutException(Call.late(name, perTry, plan));
            }
            return await(task, TimeUnit.MINUTES.toNanos(1), perTry, over);
        } catch (ExecutionException e) {
            return call(() -> {
                throw e.getCause() instanceof Exception ? (Exception) e.getCause() : e;
            });
        }
    }

    static <T> T call(Callable<T> code) throws IOException {
        try {
            return code.call();
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException(e);
        }
    }
}
