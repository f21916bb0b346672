package shop;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.PriorityBlockingQueue;
import java.util.concurrent.RecursiveTask;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;

/** A process with the agent that runs tasks in thread pools, and prints the lane in which each of them ran. */
public final class Pools {
    private static Method get, set;

    private static String lane() {
        try {
            return String.valueOf(get.invoke(null));
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("Lane", e);
        }
    }

    /** Runs code as a request in a lane does; null is none. */
    private static <T> T in(String lane, Callable<T> code) throws Exception {
        set.invoke(null, lane);
        try {
            return code.call();
        } finally {
            if (!lane().equals(String.valueOf(lane))) {
                print("the lane of the request after " + code, lane());
            }
            set.invoke(null, (Object) null);
        }
    }

    private static void print(String name, Object lane) {
        System.out.println(name + "=" + lane);
    }

    /** Prints the lanes of a task in a lane, and of one without a lane after it on the same threads. */
    private static void both(String name, Callable<String> code) throws Exception {
        print(name, in("gray", code) + " " + in(null, code) + " " + in("blue", code) + " " + in(null, code));
    }

    private static String executed(Executor pool) throws Exception {
        CompletableFuture<String> lane = new CompletableFuture<>();
        pool.execute(() -> lane.complete(lane()));
        return lane.get(10, TimeUnit.SECONDS);
    }

    public static void main(String[] args) throws Exception {
        Class<?> type = Class.forName("dev.mizzen.agent.bridge.Lane", true, null);
        get = type.getMethod("get");
        set = type.getMethod("set", String.class);
        ThreadPoolExecutor pool = new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>());
        ScheduledExecutorService timer = Executors.newScheduledThreadPool(1);
        ForkJoinPool forks = new ForkJoinPool(2);
        both("execute", () -> executed(pool));
        both("submit", () -> pool.submit(Pools::lane).get());
        both("invokeAll", () -> pool.invokeAll(Arrays.<Callable<String>>asList(Pools::lane)).get(0).get());
        both("schedule", () -> timer.schedule(Pools::lane, 1, TimeUnit.MILLISECONDS).get());
        both("timer.execute", () -> executed(timer));
        both("fork.submit", () -> forks.submit((Callable<String>) Pools::lane).get());
        both("fork.execute", () -> executed(forks));
        both("commonPool", () -> executed(ForkJoinPool.commonPool()));
        both("supplyAsync", () -> CompletableFuture.supplyAsync(Pools::lane).get());
        both("supplyAsync of a pool", () -> CompletableFuture.supplyAsync(Pools::lane, pool).get());
        both("supplyAsync of threads", () -> CompletableFuture.supplyAsync(Pools::lane, r -> new Thread(r).start()).get());
        both("thenApplyAsync", () -> CompletableFuture.runAsync(() -> { }).thenApplyAsync(x -> lane()).get());
        both("thenApplyAsync of a pool", () -> CompletableFuture.runAsync(() -> { }).thenApplyAsync(x -> lane(), pool).get());
        both("a task in a thread", () -> {
            FutureTask<String> task = new FutureTask<>(Pools::lane);
            new Thread(task).start();
            return task.get();
        });
        both("parallel", () -> {
            Set<String> lanes = new ConcurrentSkipListSet<>();
            IntStream.range(0, 10_000).parallel().forEach(i -> lanes.add(lane()));
            return lanes.toString();
        });
        both("recursive", () -> forks.invoke(new Tree(8)).toString());
        periodic(timer);
        helped();
        identity();
        failures();
        shared();
        virtual();
        crowd(pool, forks);
        System.exit(0);
    }

    private static final class Tree extends RecursiveTask<Set<String>> {
        private static final long serialVersionUID = 1;
        private final int depth;

        Tree(int depth) {
            this.depth = depth;
        }

        @Override
        protected Set<String> compute() {
            Set<String> lanes = new TreeSet<>();
            lanes.add(lane());
            if (depth > 0) {
                Tree left = new Tree(depth - 1), right = new Tree(depth - 1);
                left.fork();
                lanes.addAll(right.compute());
                lanes.addAll(left.join());
            }
            return lanes;
        }
    }

    private static void periodic(ScheduledExecutorService timer) throws Exception {
        List<String> lanes = new ArrayList<>();
        CountDownLatch runs = new CountDownLatch(3);
        Future<?> task = in("gray", () -> timer.scheduleAtFixedRate(() -> {
            lanes.add(lane());
            runs.countDown();
        }, 0, 1, TimeUnit.MILLISECONDS));
        runs.await();
        task.cancel(false);
        print("periodic", lanes.subList(0, 3));
    }

    /** A thread in a lane runs a task that was made without one, while it waits. */
    private static void helped() throws Exception {
        ForkJoinTask<String> without = ForkJoinTask.adapt((Callable<String>) Pools::lane);
        print("helped", in("gray", () -> without.invoke() + " " + lane()));
    }

    /** What an application sees of its tasks. */
    private static void identity() throws Exception {
        AtomicReference<Runnable> first = new AtomicReference<>(), rejected = new AtomicReference<>();
        CountDownLatch gate = new CountDownLatch(1);
        Runnable blocker = () -> {
            try {
                gate.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        };
        ThreadPoolExecutor pool = new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(1), (r, p) -> rejected.set(r)) {
            @Override
            protected void beforeExecute(Thread t, Runnable r) {
                first.compareAndSet(null, r);
            }
        };
        Runnable waiting = () -> { }, refused = () -> { };
        in("gray", () -> {
            pool.execute(blocker);
            pool.execute(waiting);
            pool.execute(refused);
            return null;
        });
        print("queue", pool.getQueue().contains(waiting) && pool.getQueue().peek() == waiting);
        print("rejected", rejected.get() == refused);
        print("removed", pool.remove(waiting) && pool.getQueue().isEmpty());
        Future<?> canceled = in("gray", () -> pool.submit(waiting));
        print("canceled", canceled.cancel(true) && pool.remove((Runnable) canceled));
        gate.countDown();
        // The lane in which it was removed has no effect on its next run.
        print("again", in("blue", () -> executed(pool)) + " " + in(null, () -> executed(pool)));
        print("before", first.get() == blocker);
        ThreadPoolExecutor ordered = new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new PriorityBlockingQueue<>(4, Comparator.comparing(r -> ((Ordered) r).order)));
        StringBuffer order = new StringBuffer();
        CountDownLatch ran = new CountDownLatch(3), open = new CountDownLatch(1);
        in("gray", () -> {
            for (int i : new int[] {0, 3, 2}) {
                ordered.execute(new Ordered(i, () -> {
                    if (i == 0) {
                        await(open);
                    }
                    order.append(i).append(lane()).append(' ');
                    ran.countDown();
                }));
            }
            return null;
        });
        open.countDown();
        ran.await();
        print("ordered", order);
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static final class Ordered implements Runnable {
        final int order;
        private final Runnable code;

        Ordered(int order, Runnable code) {
            this.order = order;
            this.code = code;
        }

        @Override
        public void run() {
            code.run();
        }
    }

    /** Tasks that throw leave no lane behind. */
    private static void failures() throws Exception {
        List<String> lanes = new ArrayList<>();
        FutureTask<String> failing = in("gray", () -> new FutureTask<String>(Pools::lane) {
            @Override
            protected void done() {
                throw new IllegalStateException("done");
            }
        });
        Thread thread = new Thread(() -> {
            try {
                failing.run();
            } catch (IllegalStateException e) {
                lanes.add(lane());
            }
        });
        thread.start();
        thread.join();
        print("failed", lanes + " " + failing.get());
    }

    /** One Runnable that is submitted again and again. */
    private static void shared() throws Exception {
        ThreadPoolExecutor pool = new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>());
        LinkedBlockingQueue<String> lanes = new LinkedBlockingQueue<>();
        Runnable one = () -> lanes.add(lane());
        CountDownLatch gate = new CountDownLatch(1);
        pool.execute(() -> await(gate));
        for (String lane : new String[] {"gray", null, "blue"}) {
            in(lane, () -> {
                pool.execute(one);
                return null;
            });
        }
        gate.countDown();
        print("shared at once", lanes.take() + " " + lanes.take() + " " + lanes.take());
        for (String lane : new String[] {"gray", null, "blue"}) {
            in(lane, () -> {
                pool.execute(one);
                return lanes.take();
            });
        }
        StringBuilder turns = new StringBuilder();
        for (String lane : new String[] {"gray", null, "blue"}) {
            turns.append(in(lane, () -> {
                pool.execute(one);
                return lanes.take();
            })).append(' ');
        }
        print("shared in turn", turns.toString().trim());
    }

    private static void virtual() throws Exception {
        ExecutorService each;
        try {
            each = (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        } catch (NoSuchMethodException e) {
            print("virtual", "none");
            return;
        }
        both("virtual", () -> each.submit(Pools::lane).get());
        both("virtual.execute", () -> executed(each));
        Method start = Thread.class.getMethod("startVirtualThread", Runnable.class);
        both("startVirtualThread", () -> executed(r -> {
            try {
                start.invoke(null, r);
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("startVirtualThread", e);
            }
        }));
        // They wait, and continue on other carriers.
        List<Future<String>> all = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
            String lane = i % 3 == 0 ? null : "lane-" + i % 7;
            all.add(in(lane, () -> each.submit(() -> {
                for (int n = 0; n < 5; n++) {
                    Thread.sleep(1);
                    if (!lane().equals(String.valueOf(lane))) {
                        return "want " + lane + ", got " + lane();
                    }
                    CompletableFuture.supplyAsync(Pools::lane, each).get();
                }
                return "ok";
            })));
        }
        print("virtual threads that wait", outcomes(all));
    }

    /** Many tasks of many lanes at the same time. */
    private static void crowd(ExecutorService pool, ForkJoinPool forks) throws Exception {
        List<Future<String>> all = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            String lane = i % 3 == 0 ? null : "lane-" + i % 7;
            Callable<String> check = () -> lane().equals(String.valueOf(lane)) ? "ok" : "want " + lane + ", got " + lane();
            ExecutorService where = i % 2 == 0 ? pool : forks;
            all.add(in(lane, () -> where.submit(check)));
        }
        print("crowd", outcomes(all));
    }

    private static String outcomes(List<Future<String>> all) throws Exception {
        Set<String> outcomes = new TreeSet<>();
        for (Future<String> f : all) {
            outcomes.add(f.get());
        }
        return outcomes.toString();
    }
}
