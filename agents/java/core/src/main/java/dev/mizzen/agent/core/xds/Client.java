package dev.mizzen.agent.core.xds;

import dev.mizzen.agent.core.Bootstrap;
import dev.mizzen.agent.core.Log;
import dev.mizzen.agent.core.wire.Connection;
import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import java.io.IOException;
import java.security.AccessController;
import java.security.PrivilegedAction;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A client of the aggregated discovery service in the state-of-the-world protocol. It subscribes by name, keeps what it was sent over reconnects,
 * and tells followers what changed. One thread connects and reads; the other writes requests and watches deadlines.
 */
public final class Client implements Connection.Peer {
    /** What the client serves. It is called with the client locked. */
    public interface Owner {
        /** Does what is due, and returns when to call again, in the time of System.nanoTime. */
        long tick(long now);

        /** Something was done with the client locked. It is unlocked now. */
        void unlocked();

        /** The control plane cannot be reached, or is back. */
        void away(boolean away);
    }

    /** The kinds of resources. */
    public static final int LISTENER = 0, ROUTES = 1, CLUSTER = 2, ENDPOINTS = 3, KINDS = 4;

    static final String THREAD = "mizzen-ads";
    private static final String PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
    private static final long MILLIS = 1_000_000L, NEVER = 3_600_000 * MILLIS;
    private static final long MIN_BACKOFF = 100;
    /** When a resource without an answer does not exist; sooner if a response came without it. */
    private static final long ABSENT_AFTER = 15_000 * MILLIS, MISSED_AFTER = 1_000 * MILLIS;
    /** A stream to another server than the first one lives for so many of the longest back-offs. Then the first one is tried again. */
    private static final int FALLBACK_LIFE = 30;
    private static final int MAX_REJECTION = 4096;
    /** How long changes are collected before the last-good file is written, and how old it may become without a change. */
    private static final long SAVE_AFTER = 200 * MILLIS, SAVE_EVERY = 900_000 * MILLIS;

    private final Bootstrap bootstrap;
    /** In milliseconds. */
    private final long maxBackoff;
    private final String version;
    private final Owner owner;
    private final Kind[] kinds = new Kind[KINDS];
    /** Null if there is no last-good file. */
    private final LastGood lastGood;
    /** When the file is to be written next; 0 if it is not. What is to be written now. */
    private long saveAt;
    private byte[] unsaved;
    /** When the control plane was last there, in wall-clock milliseconds. */
    private long contact;
    private Connection connection;
    private boolean nodeSent, wake, away, closed;
    /** The stream has brought a response. */
    private boolean responded;
    private long fallbackUntil;
    private Thread reader, writer;
    // For the state.
    private String server = "", problem = "", lastRejection = "";
    private long responses, streams;

    public Client(Bootstrap bootstrap, String version, long reconnectMax, LastGood lastGood, Owner owner) {
        this.maxBackoff = Math.max(MIN_BACKOFF, reconnectMax / MILLIS);
        this.bootstrap = bootstrap;
        this.version = version;
        this.lastGood = lastGood;
        this.owner = owner;
        for (int i = 0; i < kinds.length; i++) {
            kinds[i] = new Kind(i);
            if (lastGood != null) {
                kinds[i].version = lastGood.version(i);
            }
        }
    }

    public void start() {
        reader = thread(true);
        writer = thread(false);
        reader.start();
        writer.start();
    }

    /** Makes a thread. It must keep nothing of the caller, which is a call of the application: neither its loader nor its access control context. */
    private Thread thread(final boolean reads) {
        return AccessController.doPrivileged(new PrivilegedAction<Thread>() {
            @Override
            public Thread run() {
                return newThread(reads);
            }
        });
    }

    private Thread newThread(final boolean reads) {
        Thread t = new Thread(null, new Runnable() {
            @Override
            public void run() {
                try {
                    loop(reads);
                } catch (InterruptedException e) {
                    // close() ends the thread
                }
            }
        }, THREAD, 0);
        t.setDaemon(true);
        t.setContextClassLoader(null);
        return t;
    }

    /** An error of ours must not end following: it is told, and work begins anew. */
    private void loop(boolean reads) throws InterruptedException {
        while (!isClosed()) {
            try {
                if (reads) {
                    connectForEver();
                } else {
                    writeForEver();
                }
            } catch (RuntimeException | Error e) {
                Log.info("an error in the agent: " + e + "; it goes on. Please report it");
                Thread.sleep(maxBackoff);
            }
        }
    }

    private synchronized boolean isClosed() {
        return closed;
    }

    public void close() {
        synchronized (this) {
            closed = true;
            if (connection != null) {
                connection.close();
            }
            notifyAll();
        }
        if (reader != null) {
            reader.interrupt();
        }
        synchronized (this) {
            if (saveAt != 0) {
                save();
            }
        }
        writeFile();
    }

    private void save() {
        if (connection != null && responded) {
            contact = System.currentTimeMillis();
        }
        unsaved = lastGood.encode(kinds, contact);
        saveAt = 0;
    }

    private void writeFile() {
        byte[] text;
        synchronized (this) {
            text = unsaved;
            unsaved = null;
        }
        if (text != null) {
            lastGood.write(text);
        }
    }

    // Subscriptions.

    /** Subscribes to a resource for a follower, which must release it. */
    public synchronized Resource retain(int kind, String name, Resource.Follower follower) {
        Kind k = kinds[kind];
        Resource r = k.resources.get(name);
        if (r == null) {
            r = new Resource(k, name);
            k.resources.put(name, r);
            if (lastGood != null) {
                lastGood.restore(r);
            }
            dirty(k);
        }
        r.followers.add(follower);
        return r;
    }

    public synchronized void release(Resource r, Resource.Follower follower) {
        r.followers.remove(follower);
        if (r.followers.isEmpty()) {
            r.kind.resources.remove(r.name);
            dirty(r.kind);
        }
    }

    private void dirty(Kind k) {
        k.dirty = true;
        notifyAll();
    }

    public synchronized boolean away() {
        return away;
    }

    public Kind kind(int id) {
        return kinds[id];
    }

    /** Describes the stream as names and values in turn: strings, numbers and booleans. */
    public synchronized Object[] describe() {
        return new Object[] {"server", server, "connected", connection != null, "away", away, "problem", problem, "streams", streams, "responses", responses,
            "lastRejection", lastRejection};
    }

    // Writing.

    private void writeForEver() throws InterruptedException {
        while (true) {
            Connection c = null;
            byte[] message = null;
            synchronized (this) {
                long now = System.nanoTime(), next = tick(now);
                if (closed) {
                    return;
                }
                if (connection != null && (wake || connection.idle() && hasRequest())) {
                    wake = false;
                    c = connection;
                    message = c.idle() ? request() : null;
                } else {
                    wait(Math.max(1, (next - now) / MILLIS + 1));
                }
            }
            owner.unlocked();
            writeFile();
            if (c == null) {
                continue;
            }
            try {
                c.write(message);
            } catch (IOException e) {
                c.close(); // the reader says why
                synchronized (this) {
                    if (connection == c) {
                        connection = null;
                    }
                }
            }
        }
    }

    private boolean hasRequest() {
        for (Kind k : kinds) {
            if (k.dirty) {
                return true;
            }
        }
        return false;
    }

    private byte[] request() {
        for (Kind k : kinds) {
            if (k.dirty) {
                byte[] node = nodeSent ? null : bootstrap.node(version);
                nodeSent = true;
                return k.request(node, System.nanoTime());
            }
        }
        return null;
    }

    /** Decides about resources that were not answered, and lets the owner do what is due. */
    private long tick(long now) {
        long next = now + NEVER;
        if (connection != null) {
            List<Resource> gone = new ArrayList<>();
            for (Kind k : kinds) {
                next = Math.min(next, expire(k, now, gone));
            }
            tell(gone);
            if (fallbackUntil != 0) {
                if (fallbackUntil - now <= 0) {
                    connection.close();
                }
                next = Math.min(next, fallbackUntil);
            }
        }
        if (saveAt != 0) {
            if (saveAt - now <= 0) {
                save();
                saveAt = connection == null ? 0 : now + Math.min(SAVE_EVERY, lastGood.maxAgeNanos() / 4 + SAVE_AFTER);
                return now; // the file is written first
            }
            next = Math.min(next, saveAt);
        }
        return Math.min(next, owner.tick(now));
    }

    private static long expire(Kind k, long now, List<Resource> gone) {
        long next = now + NEVER;
        for (Resource r : k.resources.values()) {
            if (r.answered || r.askedAt == 0) {
                continue;
            }
            long due = r.askedAt + (r.missed ? MISSED_AFTER : ABSENT_AFTER);
            if (due - now <= 0) {
                r.answered = true;
                gone.add(r);
            } else {
                next = Math.min(next, due);
            }
        }
        return next;
    }

    @Override
    public synchronized void wake() {
        wake = true;
        notifyAll();
    }

    // Connecting and reading.

    private void connectForEver() throws InterruptedException {
        long backoff = MIN_BACKOFF;
        int next = 0;
        while (true) {
            Bootstrap.Server s = bootstrap.servers.get(next);
            String end = stream(s, next);
            boolean worked;
            synchronized (this) {
                if (closed) {
                    return;
                }
                worked = responded;
                contact = worked ? System.currentTimeMillis() : contact;
                connection = null;
                server = "";
            }
            if (worked) {
                next = 0;
                backoff = MIN_BACKOFF;
                Log.debug("the stream to " + s.address() + " ended: " + end + "; reconnecting");
            } else {
                next = (next + 1) % bootstrap.servers.size();
                report(s, end);
                if (next != 0) {
                    continue; // another server may be there
                }
                setAway(true);
            }
            Thread.sleep(backoff / 2 + ThreadLocalRandom.current().nextLong(backoff));
            backoff = worked ? backoff : Math.min(maxBackoff, backoff * 2);
        }
    }

    /** Says once why there is no control plane. */
    private void report(Bootstrap.Server s, String end) {
        String p = "control plane " + s.address() + ": " + end;
        boolean isNew;
        synchronized (this) {
            isNew = !p.equals(problem);
            problem = p;
        }
        if (isNew) {
            Log.info(p + "; what is known stays in effect; trying again");
        }
    }

    private void setAway(boolean is) {
        synchronized (this) {
            if (away != is) {
                away = is;
                owner.away(is);
                notifyAll();
            }
        }
        owner.unlocked();
    }

    /** Connects and reads until the stream ends. Returns why it ended. */
    private String stream(Bootstrap.Server s, int index) {
        Connection c = null;
        try {
            synchronized (this) {
                responded = false;
            }
            c = Dial.connect(s, PATH, this);
            synchronized (this) {
                if (closed) {
                    return "closed";
                }
                nodeSent = false;
                for (Kind k : kinds) {
                    k.reset();
                }
                fallbackUntil = index == 0 ? 0 : System.nanoTime() + FALLBACK_LIFE * maxBackoff * MILLIS;
                connection = c;
                streams++;
                server = s.address();
            }
            wake();
            c.read();
            return "";
        } catch (Throwable e) { // no error of one stream may end the thread
            return e.getMessage() == null || !(e instanceof IOException) ? e.toString() : e.getMessage();
        } finally {
            if (c != null) {
                c.close();
            }
        }
    }

    @Override
    public void connected() {
        setAway(false);
    }

    @Override
    public void message(Reader r) throws IOException {
        String responseVersion = "", url = "", nonce = "";
        List<Reader> anys = new ArrayList<>();
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: responseVersion = r.string(); break;
                case 2: anys.add(r.message()); break;
                case 4: url = r.string(); break;
                case 5: nonce = r.string(); break;
                default: r.skip();
            }
        }
        synchronized (this) {
            if (!responded) {
                responded = true;
                boolean again = !problem.isEmpty();
                problem = "";
                if (again) {
                    Log.info("control plane " + server + ": connected");
                }
            }
            responses++;
            for (Kind k : kinds) {
                if (k.url.equals(url)) {
                    response(k, responseVersion, nonce, anys);
                }
            }
        }
        owner.unlocked();
    }

    private void response(Kind k, String responseVersion, String nonce, List<Reader> anys) {
        List<Resource> changed = new ArrayList<>();
        Set<Resource> present = new HashSet<>();
        StringBuilder errors = new StringBuilder();
        for (Reader any : anys) {
            try {
                resource(k, any, present, changed);
            } catch (Refused e) {
                if (errors.length() < MAX_REJECTION) {
                    errors.append(errors.length() == 0 ? "" : "; ").append(e.getMessage());
                }
            }
        }
        if (k.whole) {
            absent(k, present, changed);
        }
        k.nonce = nonce;
        if (errors.length() == 0) {
            k.version = responseVersion;
            k.rejection = null;
        } else {
            k.rejection = errors.toString();
            if (!k.rejection.equals(lastRejection)) {
                Log.info("rejected what the control plane sends; the last good version stays in effect: " + k.rejection);
            }
            lastRejection = k.rejection;
        }
        dirty(k);
        tell(changed);
        contact = System.currentTimeMillis();
        if (lastGood != null && (!changed.isEmpty() || saveAt == 0)) {
            saveAt = System.nanoTime() + SAVE_AFTER;
        }
    }

    /** Takes one resource of a response. */
    private void resource(Kind k, Reader any, Set<Resource> present, List<Resource> changed) {
        String type = "";
        byte[] raw = {};
        for (int f; (f = any.next()) != 0; ) {
            switch (f) {
                case 1: type = any.string(); break;
                case 2: raw = any.bytes(); break;
                default: any.skip();
            }
        }
        if (!type.equals(k.url)) {
            throw new Refused("a resource has the type " + type);
        }
        Resource r = k.resources.get(Kind.name(new Reader(raw)));
        if (r == null) {
            return; // it was not asked for
        }
        present.add(r);
        if (r.value != null && java.util.Arrays.equals(raw, r.raw)) {
            r.refusal = null;
            return;
        }
        boolean first = !r.answered;
        r.answered = true;
        try {
            r.value = k.decode(new Reader(raw));
            r.raw = raw;
            r.refusal = null;
            changed.add(r);
        } catch (RuntimeException e) {
            r.refusal = e instanceof Refused ? e.getMessage() : e.toString();
            if (first) {
                changed.add(r);
            }
            throw new Refused(r.name + ": " + r.refusal);
        }
    }

    /** What a whole response does not have does not exist, unless the response may be older than the request for it. */
    private static void absent(Kind k, Set<Resource> present, List<Resource> changed) {
        for (Resource r : k.resources.values()) {
            if (present.contains(r) || r.askedAt == 0) {
                continue;
            }
            boolean known = r.value != null;
            if (known || !r.answered && k.requests == 1) {
                r.value = null;
                r.raw = null;
                r.answered = true;
                changed.add(r);
            } else {
                r.missed = true;
            }
        }
    }

    /** Tells each follower once. */
    private static void tell(List<Resource> changed) {
        Set<Resource.Follower> told = new HashSet<>();
        for (Resource r : changed) {
            for (Resource.Follower f : new ArrayList<>(r.followers)) {
                if (told.add(f)) {
                    f.changed();
                }
            }
        }
    }
}
