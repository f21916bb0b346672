package dev.mizzen.agent.core.wire;

import java.nio.charset.StandardCharsets;

/** Reads the protobuf wire format field by field. It knows no schema: callers switch over {@link #next} and skip what they do not know. */
public final class Reader {
    private static final int VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;

    private final byte[] data;
    private final int end;
    private int at;
    private int type;

    public Reader(byte[] data) {
        this(data, 0, data.length);
    }

    public Reader(byte[] data, int from, int end) {
        this.data = data;
        this.at = from;
        this.end = end;
    }

    /** Moves to the next field and returns its number; 0 at the end. Read the field or {@link #skip} it before the next call. */
    public int next() {
        if (at == end) {
            return 0;
        }
        long tag = raw();
        type = (int) (tag & 7);
        if (tag >>> 3 == 0 || tag >>> 32 != 0) {
            throw new Refused("malformed protobuf: field number " + (tag >>> 3));
        }
        return (int) (tag >>> 3);
    }

    public void skip() {
        switch (type) {
            case VARINT: raw(); break;
            case FIXED64: advance(8); break;
            case BYTES: advance(length()); break;
            case FIXED32: advance(4); break;
            default: throw new Refused("malformed protobuf: wire type " + type);
        }
    }

    public long varint() {
        expect(VARINT);
        return raw();
    }

    public int uint32() {
        return (int) varint();
    }

    public boolean bool() {
        return varint() != 0;
    }

    public double float64() {
        expect(FIXED64);
        int from = advance(8);
        long bits = 0;
        for (int i = 7; i >= 0; i--) {
            bits = bits << 8 | data[from + i] & 0xff;
        }
        return Double.longBitsToDouble(bits);
    }

    /** Reads a text. Texts such as the names of clusters repeat over many resources, so equal ones are kept once. */
    public String string() {
        expect(BYTES);
        int n = length();
        return new String(data, advance(n), n, StandardCharsets.UTF_8).intern();
    }

    public byte[] bytes() {
        expect(BYTES);
        int n = length();
        byte[] copy = new byte[n];
        System.arraycopy(data, advance(n), copy, 0, n);
        return copy;
    }

    /** Reads an embedded message, without a copy. */
    public Reader message() {
        expect(BYTES);
        int n = length();
        int from = advance(n);
        return new Reader(data, from, from + n);
    }

    /** Reads an embedded wrapper of an unsigned number, such as google.protobuf.UInt32Value. */
    public long wrapped() {
        Reader r = message();
        long value = 0;
        for (int f; (f = r.next()) != 0; ) {
            if (f == 1) {
                value = r.varint();
            } else {
                r.skip();
            }
        }
        return value;
    }

    /** Reads an embedded message whose field 1 is a double: google.protobuf.DoubleValue, envoy.type.v3.Percent, RuntimeDouble. */
    public double wrappedFloat64() {
        Reader r = message();
        double value = 0;
        for (int f; (f = r.next()) != 0; ) {
            if (f == 1) {
                value = r.float64();
            } else {
                r.skip();
            }
        }
        return value;
    }

    /** Reads an embedded google.protobuf.Duration in nanoseconds; one that is too long is Long.MAX_VALUE. */
    public long duration() {
        Reader r = message();
        long seconds = 0, nanos = 0;
        for (int f; (f = r.next()) != 0; ) {
            if (f == 1) {
                seconds = r.varint();
            } else if (f == 2) {
                nanos = (int) r.varint();
            } else {
                r.skip();
            }
        }
        if (seconds < 0 || nanos < 0) {
            throw new Refused("a duration is negative");
        }
        return seconds > Long.MAX_VALUE / 1_000_000_000L - 1 ? Long.MAX_VALUE : seconds * 1_000_000_000L + nanos;
    }

    /** Reads one field of a repeated number, packed or not, and returns the numbers so far with its own. */
    public int[] uint32s(int[] soFar) {
        Reader r = type == BYTES ? message() : null;
        int[] all = soFar;
        while (r == null || r.at < r.end) {
            int[] longer = new int[all.length + 1];
            System.arraycopy(all, 0, longer, 0, all.length);
            longer[all.length] = (int) (r == null ? varint() : r.raw());
            all = longer;
            if (r == null) {
                break;
            }
        }
        return all;
    }

    private void expect(int wanted) {
        if (type != wanted) {
            throw new Refused("malformed protobuf: wire type " + type + " in place of " + wanted);
        }
    }

    private int length() {
        long n = raw();
        if (n < 0 || n > end - at) {
            throw new Refused("malformed protobuf: a length of " + n + " bytes, but " + (end - at) + " are left");
        }
        return (int) n;
    }

    private int advance(int n) {
        if (n > end - at) {
            throw new Refused("malformed protobuf: it ends within a field");
        }
        int from = at;
        at += n;
        return from;
    }

    private long raw() {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (at == end) {
                throw new Refused("malformed protobuf: it ends within a number");
            }
            byte b = data[at++];
            value |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return value;
            }
        }
        throw new Refused("malformed protobuf: a number of more than 10 bytes");
    }
}
