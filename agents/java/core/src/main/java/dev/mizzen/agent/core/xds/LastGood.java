package dev.mizzen.agent.core.xds;

import dev.mizzen.agent.core.Log;
import dev.mizzen.agent.core.wire.Buffer;
import dev.mizzen.agent.core.wire.Reader;
import dev.mizzen.agent.core.wire.Refused;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.zip.CRC32;

/**
 * The last good resources of one application, in one file, for a restart while the control plane is away. What goes wrong with the file is one line;
 * the application runs without it.
 */
public final class LastGood {
    private static final byte[] MAGIC = {'m', 'i', 'z', 'z', 'e', 'n', ' ', '1', '\n'};
    private static final int CHECKSUM = 4, MAX_FILE = 256 << 20;
    private static final int MILLIS = 1_000_000;

    /** A resource of the file that was not subscribed to since the start. It stays in the file until it is too old. */
    private static final class Entry {
        final byte[] raw;
        /** When it was known to be good, in wall-clock milliseconds. */
        final long at;

        Entry(byte[] raw, long at) {
            this.raw = raw;
            this.at = at;
        }
    }

    private final File file;
    /** The name of the file while it is written: JVMs of one application may share the directory. */
    private final String draft = "." + Long.toHexString(ThreadLocalRandom.current().nextLong()) + ".tmp";
    private final long maxAgeMillis;
    private final Map<String, Entry> entries = new HashMap<>();
    private final String[] versions = {"", "", "", ""};
    private boolean reported, used;
    /** How many resources of the file are too old. */
    private int old;

    private LastGood(File file, long maxAgeNanos) {
        this.file = file;
        this.maxAgeMillis = maxAgeNanos / MILLIS;
    }

    /** Reads the file of an application, if it is there. */
    public static LastGood open(String directory, String application, long maxAgeNanos) {
        StringBuilder name = new StringBuilder();
        for (int i = 0; i < application.length(); i++) {
            char c = application.charAt(i);
            name.append(Character.isLetterOrDigit(c) && c < 128 || c == '.' || c == '-' ? c : '_');
        }
        LastGood g = new LastGood(new File(directory, name + ".mizzen"), maxAgeNanos);
        try {
            if (g.file.exists()) {
                g.read();
                g.tell();
            }
        } catch (IOException | RuntimeException e) {
            g.entries.clear();
            Log.info("the last-good file " + g.file + " is not used: " + Log.why(e));
        }
        return g;
    }

    /** Says that the file is used, or that it is too old. */
    private void tell() {
        if (entries.isEmpty()) {
            if (old > 0) {
                Log.info("the last-good file " + file + " is not used: it is older than mizzen.state.max-age");
            }
            return;
        }
        long oldest = System.currentTimeMillis();
        for (Entry e : entries.values()) {
            oldest = Math.min(oldest, e.at);
        }
        Log.info("the last-good file " + file + " is used until the control plane answers: " + entries.size() + " resources, " + (System.currentTimeMillis() - oldest) / 1000 + " s old");
    }

    /** True if the file had resources to use. */
    boolean isUsed() {
        return used;
    }

    private void read() throws IOException {
        long length = file.length();
        if (length < MAGIC.length + CHECKSUM || length > MAX_FILE) {
            throw new Refused("it has " + length + " bytes");
        }
        byte[] b = new byte[(int) length];
        try (InputStream in = new FileInputStream(file)) {
            for (int n = 0, got; n < b.length; n += got) {
                got = in.read(b, n, b.length - n);
                if (got < 0) {
                    throw new Refused("it ends too soon");
                }
            }
        }
        int end = b.length - CHECKSUM;
        for (int i = 0; i < MAGIC.length; i++) {
            if (b[i] != MAGIC[i]) {
                throw new Refused("it is of another kind");
            }
        }
        int sum = (b[end] & 0xff) << 24 | (b[end + 1] & 0xff) << 16 | (b[end + 2] & 0xff) << 8 | b[end + 3] & 0xff;
        if (sum != sum(b, end)) {
            throw new Refused("it is damaged");
        }
        Reader r = new Reader(b, MAGIC.length, end);
        for (int f; (f = r.next()) != 0; ) {
            if (f == 1) {
                kind(r.message());
            } else {
                r.skip();
            }
        }
    }

    private static int sum(byte[] b, int end) {
        CRC32 crc = new CRC32();
        crc.update(b, 0, end);
        return (int) crc.getValue();
    }

    private void kind(Reader r) {
        int id = 0;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: id = r.uint32(); break;
                case 2: versions[id & 3] = r.string(); break;
                case 3: entry(id, r.message()); break;
                default: r.skip();
            }
        }
    }

    private void entry(int id, Reader r) {
        String name = "";
        byte[] raw = {};
        long at = 0;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: name = r.string(); break;
                case 2: raw = r.bytes(); break;
                case 3: at = r.varint(); break;
                default: r.skip();
            }
        }
        if (isFresh(at)) {
            entries.put(id + name, new Entry(raw, at));
            used = true;
        } else {
            old++;
        }
    }

    /** A time in the future means that the clock was set back: that makes nothing old. */
    private boolean isFresh(long at) {
        return System.currentTimeMillis() - at <= maxAgeMillis;
    }

    long maxAgeNanos() {
        return maxAgeMillis * MILLIS;
    }

    String version(int kind) {
        return versions[kind];
    }

    /** Fills in a resource that is subscribed to for the first time. */
    void restore(Resource r) {
        Entry e = entries.remove(r.kind.id + r.name);
        if (e == null) {
            return;
        }
        try {
            r.value = r.kind.decode(new Reader(e.raw));
            r.raw = e.raw;
            r.answered = true;
            r.goodAt = e.at;
        } catch (RuntimeException x) {
            r.kind.version = ""; // it is to be sent again
        }
    }

    /**
     * Encodes what is to be written. The caller has locked the client.
     *
     * @param contact when the control plane was last there, in wall-clock milliseconds; 0 if it was not since the start
     */
    byte[] encode(Kind[] kinds, long contact) {
        Buffer file = new Buffer(4096).write(MAGIC);
        for (Kind k : kinds) {
            Buffer b = new Buffer(1024).number(1, k.id).string(2, k.version);
            for (Resource r : k.resources.values()) {
                if (r.raw != null) {
                    entry(b, r.name, r.raw, contact == 0 ? r.goodAt : contact);
                }
            }
            for (Map.Entry<String, Entry> e : entries.entrySet()) {
                if (e.getKey().charAt(0) - '0' == k.id && isFresh(e.getValue().at)) {
                    entry(b, e.getKey().substring(1), e.getValue().raw, e.getValue().at);
                }
            }
            file.message(1, b);
        }
        return file.int32(sum(file.data, file.size)).toBytes();
    }

    private static void entry(Buffer kind, String name, byte[] raw, long at) {
        kind.message(3, new Buffer(raw.length + 64).string(1, name).bytes(2, raw).number(3, at));
    }

    /** Replaces the file at once, so that a reader sees the old or the new one. */
    synchronized void write(byte[] text) {
        File temp = new File(file.getPath() + draft);
        try {
            Files.createDirectories(file.getAbsoluteFile().getParentFile().toPath());
            try (FileOutputStream out = new FileOutputStream(temp)) {
                out.write(text);
                out.getFD().sync();
            }
            Files.move(temp.toPath(), file.toPath(), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            reported = false;
        } catch (IOException | RuntimeException e) {
            if (!reported) {
                Log.info("the last-good file " + file + " cannot be written: " + Log.why(e) + "; a restart without the control plane begins without routes");
            }
            reported = true;
            temp.delete();
        }
    }
}
