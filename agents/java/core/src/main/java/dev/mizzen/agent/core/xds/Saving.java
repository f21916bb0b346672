package dev.mizzen.agent.core.xds;

/** When the last-good file is written, and what. It is guarded by its client, and has no effect without a file. */
final class Saving {
    /** How long changes are collected before the file is written, and how old it may become without a change. */
    private static final long AFTER = 200 * Client.MILLIS, EVERY = 900_000 * Client.MILLIS;

    /** Null if there is no file. */
    private final LastGood file;
    private final Kind[] kinds;
    /** When it is to be written next; 0 if it is not. */
    private long at;
    /** What is to be written now; null if nothing is. */
    private byte[] text;
    /** When the control plane was last there, in wall-clock milliseconds. */
    private long contact;

    Saving(LastGood file, Kind[] kinds) {
        this.file = file;
        this.kinds = kinds;
        for (Kind k : kinds) {
            k.version = file == null ? "" : file.version(k.id);
        }
    }

    /** Fills in a resource that is subscribed to for the first time. */
    void restore(Resource r) {
        if (file != null) {
            file.restore(r);
        }
    }

    /** True if a file had resources to use at the start. */
    boolean isRestored() {
        return file != null && file.isUsed();
    }

    /** A response came. */
    void responded(boolean changed) {
        inContact();
        if (file != null && (changed || at == 0)) {
            at = System.nanoTime() + AFTER;
        }
    }

    /** The control plane was there until now. */
    void inContact() {
        contact = System.currentTimeMillis();
    }

    /** Encodes what is due. Returns now if there is something to {@link #write}, else when to call again. */
    long tick(long now, boolean following) {
        if (at == 0) {
            return now + Client.NEVER;
        }
        if (at - now > 0) {
            return at;
        }
        encode(following);
        at = following ? now + Math.min(EVERY, file.maxAgeNanos() / 4 + AFTER) : 0;
        return now;
    }

    /** Encodes what was not written yet. */
    void end(boolean following) {
        if (at != 0) {
            encode(following);
            at = 0;
        }
    }

    private void encode(boolean following) {
        if (following) {
            inContact();
        }
        text = file.encode(kinds, contact);
    }

    /** Writes what was encoded, without the lock of the client. */
    void write(Client client) {
        byte[] due;
        synchronized (client) {
            due = text;
            text = null;
        }
        if (due != null) {
            file.write(due);
        }
    }
}
