package dev.mizzen.agent.bridge;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.FutureTask;

/**
 * The lane of the thread, and of tasks that wait for a thread. Woven classes of the JDK call it if lanes are carried through thread pools. Tasks are not
 * wrapped, because an application may compare, order, cast and remove them: what has a lane is noted beside the task as long as the task exists.
 * Nothing here parks: it also runs where the JDK changes between virtual threads and their carriers. A ReferenceQueue has a lock that parks in some JDKs, so only
 * a thread of its own takes tasks that are gone from it.
 */
public final class Lane implements Runnable {
    private static final ThreadLocal<String> CURRENT = new ThreadLocal<>();
    /** The tasks that changed the lane of the thread and have not ended. */
    private static final ThreadLocal<Frame> FRAMES = new ThreadLocal<>();
    /** The lane in which a task was made. */
    private static final ConcurrentHashMap<Object, String> MADE = new ConcurrentHashMap<>();
    /** The lane in which a thread pool got a task. */
    private static final ConcurrentHashMap<Object, Waiting> QUEUED = new ConcurrentHashMap<>();
    private static final ReferenceQueue<Object> GONE = new ReferenceQueue<>();
    /** False until there is a lane: then there is nothing to look up. */
    private static volatile boolean used;

    private Lane() {
    }

    /** The lane of the thread; null if it has none. */
    public static String get() {
        return CURRENT.get();
    }

    /** Sets the lane of the thread, null for none, and returns the one before. */
    public static String set(String lane) {
        String before = CURRENT.get();
        if (lane == null) {
            CURRENT.remove();
        } else {
            used = true;
            CURRENT.set(lane);
        }
        return before;
    }

    /** A task was made: it runs in the lane of the thread that makes it. */
    public static void made(Object task) {
        String lane = used ? CURRENT.get() : null;
        if (lane != null && !task.getClass().getName().endsWith("ScheduledForkJoinTask")) { // it may be periodic
            MADE.put(new Key(task), lane);
        }
    }

    /** A task that was made begins to run on this thread. */
    public static void begin(Object task) {
        if (!used) {
            return;
        }
        Frame top = FRAMES.get();
        if (top != null && top.task == task) {
            top.depth++;
            return;
        }
        String lane = MADE.get(new Probe(task)), current = CURRENT.get();
        if (lane == null ? current != null : !lane.equals(current)) {
            FRAMES.set(new Frame(task, current, top));
            set(lane);
        }
    }

    /** A task that began has ended, or it failed. */
    public static void end(Object task) {
        Frame top = used ? FRAMES.get() : null;
        if (top == null || top.task != task || --top.depth > 0) {
            return;
        }
        if (top.outer == null) {
            FRAMES.remove();
        } else {
            FRAMES.set(top.outer);
        }
        set(top.lane);
    }

    /** A thread pool gets a task. If it waits for several lanes at once, it runs without one: it cannot be told which run is for which. */
    public static void queued(Object task) {
        if (!used || task == null || task instanceof FutureTask || task instanceof ForkJoinTask) {
            return;
        }
        String lane = CURRENT.get();
        Probe probe = new Probe(task);
        while (true) {
            Waiting w = QUEUED.get(probe);
            if (w != null) {
                if (QUEUED.replace(probe, w, new Waiting(lane != null && lane.equals(w.lane) ? lane : null, w.count + 1))) {
                    return;
                }
            } else if (lane == null) {
                return;
            } else {
                if (QUEUED.putIfAbsent(new Key(task), new Waiting(lane, 1)) == null) {
                    return;
                }
            }
        }
    }

    /** The lane of a task that does not wait any more: it begins to run, or it was rejected or removed. */
    public static String taken(Object task) {
        if (!used || task == null) {
            return null;
        }
        Probe probe = new Probe(task);
        while (true) {
            Waiting w = QUEUED.get(probe);
            if (w == null) {
                return null;
            }
            if (w.count == 1 ? QUEUED.remove(probe, w) : QUEUED.replace(probe, w, new Waiting(w.lane, w.count - 1))) {
                return w.lane;
            }
        }
    }

    /** Says whether a task was removed from a thread pool. */
    public static boolean removed(boolean removed, Object task) {
        if (removed) {
            taken(task);
        }
        return removed;
    }

    /** A thread of a pool runs a task. */
    public static void run(Runnable task) {
        run(task, taken(task));
    }

    private static void run(Runnable task, String lane) {
        String before = set(lane);
        try {
            task.run();
        } finally {
            set(before);
        }
    }

    /** What a virtual thread runs, in the lane of the thread that makes it. */
    public static Runnable carried(Runnable task) {
        String lane = used ? CURRENT.get() : null;
        return lane == null || task == null ? task : new Carried(task, lane);
    }

    /** Forgets tasks that are gone. */
    @Override
    public void run() {
        while (true) {
            try {
                Reference<?> gone = GONE.remove();
                MADE.remove(gone);
                QUEUED.remove(gone);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    /** Begins to carry lanes. It loads all classes that woven code uses: none of them is loaded in the middle of a thread pool. */
    public static void start() {
        Thread thread = new Thread(new Lane(), "mizzen-lanes");
        thread.setDaemon(true);
        thread.setContextClassLoader(null);
        Runnable task = new Thread(); // it is not started
        set("rehearsal");
        made(task);
        queued(task);
        run(task);
        Runnable carried = carried(task);
        set(null);
        carried.run();
        begin(task);
        end(task);
        thread.start();
    }

    private static final class Frame {
        final Object task;
        final String lane;
        final Frame outer;
        int depth = 1;

        Frame(Object task, String lane, Frame outer) {
            this.task = task;
            this.lane = lane;
            this.outer = outer;
        }
    }

    /** How often a task waits, and in which lane; null if in several. */
    private static final class Waiting {
        final String lane;
        final int count;

        Waiting(String lane, int count) {
            this.lane = lane;
            this.count = count;
        }
    }

    /** A task by its identity. It does not keep the task. */
    private static final class Key extends WeakReference<Object> {
        private final int hash;

        Key(Object task) {
            super(task, GONE);
            hash = System.identityHashCode(task);
        }

        @Override
        public int hashCode() {
            return hash;
        }

        @Override
        public boolean equals(Object o) {
            Object task = get();
            return o == this || o instanceof Key && task != null && ((Key) o).get() == task;
        }
    }

    /** A key to look up. */
    private static final class Probe {
        private final Object task;

        Probe(Object task) {
            this.task = task;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(task);
        }

        @Override
        public boolean equals(Object o) {
            return o instanceof Key && ((Key) o).get() == task;
        }
    }

    private static final class Carried implements Runnable {
        private final Runnable task;
        private final String lane;

        Carried(Runnable task, String lane) {
            this.task = task;
            this.lane = lane;
        }

        @Override
        public void run() {
            Lane.run(task, lane);
        }

        @Override
        public String toString() {
            return task.toString();
        }
    }
}
