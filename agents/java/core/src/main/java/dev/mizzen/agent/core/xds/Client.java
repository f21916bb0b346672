package dev.mizzen.agent.core.xds;

import dev.mizzen.agent.core.Bootstrap;
import dev.mizzen.agent.core.Log;
import dev.mizzen.agent.core.wire.Connection;
import dev.mizzen.agent.core.wire.Reader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
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
    static final long MILLIS = 1_000_000L, NEVER = 3_600_000 * MILLIS;
    private static final long MIN_BACKOFF = 100;
    /** A stream to another server than the first one lives for so many of the longest back-offs. Then the first one is tried again. */
    private static final int FALLBACK_LIFE = 30;

    private final Bootstrap bootstrap;
    /** In milliseconds. */
    private final long maxBackoff;
    /** When to say that the control plane does not answer, in nanoseconds. */
    private final long patience;
    private final String version;
    private final Owner owner;
    private final Kind[] kinds = new Kind[KINDS];
    private final Saving saving;
    private final Contact contact;
    private Connection connection;
    private boolean nodeSent, wake, away, closed;
    /** The stream has brought a response. */
    private boolean responded;
    /** When the first request of the stream was written; 0 if none was. */
    private long askedAt;
    private long fallbackUntil;
    private Thread reader, writer;
    // For the state.
    private String server = "", lastRejection = "", otherType = "";
    private long responses, streams;

    public Client(Bootstrap bootstrap, String version, long patience, long reconnectMax, LastGood lastGood, Owner owner) {
        this.maxBackoff = Math.max(MIN_BACKOFF, reconnectMax / MILLIS);
        this.patience = patience;
        this.bootstrap = bootstrap;
        this.version = version;
        this.owner = owner;
        for (int i = 0; i < kinds.length; i++) {
            kinds[i] = new Kind(i);
        }
        this.contact = new Contact(this, this.maxBackoff * MILLIS);
        this.saving = new Saving(lastGood, kinds);
    }

    public void start() {
        reader = Daemon.of(THREAD, new Loop(true));
        writer = Daemon.of(THREAD, new Loop(false));
        reader.start();
        writer.start();
    }

    /** What one of the two threads does. An error of ours must not end following: it is told, and work begins anew. */
    private final class Loop implements Runnable {
        private final boolean reads;

        Loop(boolean reads) {
            this.reads = reads;
        }

        @Override
        public void run() {
            try {
                while (!isClosed()) {
                    once();
                }
            } catch (InterruptedException e) {
                // close() ends the thread
            }
        }

        private void once() throws InterruptedException {
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
            saving.end(isFollowing());
        }
        saving.write(this);
    }

    // Subscriptions.

    /** Subscribes to a resource for a follower, which must release it. */
    public synchronized Resource retain(int kind, String name, Resource.Follower follower) {
        Kind k = kinds[kind];
        Resource r = k.resources.get(name);
        if (r == null) {
            r = new Resource(k, name);
            k.resources.put(name, r);
            saving.restore(r);
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

    private boolean isFollowing() {
        return connection != null && responded;
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
        return new Object[] {"server", server, "connected", connection != null, "away", away, "problem", contact.problem(), "streams", streams, "responses", responses,
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
                Kind k = connection != null && connection.idle() ? dirty() : null;
                if (connection != null && (wake || k != null)) {
                    wake = false;
                    c = connection;
                    message = k == null ? null : request(k);
                } else {
                    wait(Math.max(1, (next - now) / MILLIS + 1));
                }
            }
            owner.unlocked();
            saving.write(this);
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

    /** Returns a kind with a request to send; null if there is none. */
    private Kind dirty() {
        for (Kind k : kinds) {
            if (k.dirty) {
                return k;
            }
        }
        return null;
    }

    private byte[] request(Kind k) {
        byte[] node = nodeSent ? null : bootstrap.node(version);
        if (!nodeSent) {
            askedAt = System.nanoTime();
        }
        nodeSent = true;
        return k.request(node, System.nanoTime());
    }

    /** Decides about resources that were not answered, and lets the owner do what is due. */
    private long tick(long now) {
        long next = now + NEVER;
        if (connection != null) {
            List<Resource> gone = new ArrayList<>();
            for (Kind k : kinds) {
                next = Math.min(next, k.expire(now, gone));
            }
            Resource.tell(gone);
            if (askedAt != 0 && !responded) {
                if (askedAt + patience - now <= 0) {
                    contact.problem(server, "it accepts the connection and does not answer", isKnowing());
                    askedAt = 0;
                } else {
                    next = Math.min(next, askedAt + patience);
                }
            }
            if (fallbackUntil != 0) {
                if (fallbackUntil - now <= 0) {
                    connection.close();
                }
                next = Math.min(next, fallbackUntil);
            }
            next = Math.min(next, contact.tick(now, server));
        }
        long save = saving.tick(now, isFollowing());
        return save == now ? now : Math.min(Math.min(next, save), owner.tick(now)); // the file is written first
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
                worked = contact.ended(responded, System.nanoTime());
                if (responded) {
                    saving.inContact();
                }
                connection = null;
                server = "";
            }
            if (worked) {
                next = 0;
                backoff = MIN_BACKOFF;
                Log.debug("the stream to " + s.address() + " ended: " + end + "; reconnecting");
            } else {
                next = (next + 1) % bootstrap.servers.size();
                contact.problem(s.address(), end, isKnowing());
                if (next != 0) {
                    continue; // another server may be there
                }
                setAway(!contact.isBroken());
            }
            Thread.sleep(backoff / 2 + ThreadLocalRandom.current().nextLong(backoff));
            backoff = worked ? backoff : Math.min(maxBackoff, backoff * 2);
        }
    }

    private synchronized boolean isKnowing() {
        return responses > 0 || saving.isRestored();
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
                askedAt = 0;
                for (Kind k : kinds) {
                    k.reset();
                }
                fallbackUntil = index == 0 ? 0 : System.nanoTime() + FALLBACK_LIFE * maxBackoff * MILLIS;
                contact.begins(System.nanoTime());
                connection = c;
                streams++;
                server = s.address();
            }
            wake();
            c.read();
            return "";
        } catch (Throwable e) { // no error of one stream may end the thread
            contact.failed(e);
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
                contact.responded(server);
            }
            responses++;
            boolean known = false;
            for (Kind k : kinds) {
                if (k.url.equals(url)) {
                    known = true;
                    response(k, responseVersion, nonce, anys);
                }
            }
            if (!known && !url.equals(otherType)) {
                otherType = url;
                Log.info("ignored what the control plane sends: a response of the type \"" + url + "\", which was not requested");
            }
        }
        owner.unlocked();
    }

    private void response(Kind k, String responseVersion, String nonce, List<Reader> anys) {
        List<Resource> changed = new ArrayList<>();
        k.response(responseVersion, nonce, anys, changed);
        if (k.rejection != null) {
            if (!k.rejection.equals(k.reported)) {
                Log.info("rejected what the control plane sends; the last good version stays in effect: " + k.rejection);
            }
            k.reported = k.rejection;
            lastRejection = k.rejection;
        }
        dirty(k);
        Resource.tell(changed);
        saving.responded(!changed.isEmpty());
    }
}
