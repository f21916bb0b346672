package dev.mizzen.agent.core.wire;

import java.nio.charset.StandardCharsets;

/** Bytes that grow, with writers for frames of HTTP/2 and for fields of protobuf. */
public final class Buffer {
    public byte[] data;
    public int size;

    public Buffer(int capacity) {
        data = new byte[capacity];
    }

    public Buffer write(int b) {
        room(1);
        data[size++] = (byte) b;
        return this;
    }

    public Buffer write(byte[] b, int from, int n) {
        room(n);
        System.arraycopy(b, from, data, size, n);
        size += n;
        return this;
    }

    public Buffer write(byte[] b) {
        return write(b, 0, b.length);
    }

    public Buffer int32(int v) {
        return write(v >>> 24).write(v >>> 16).write(v >>> 8).write(v);
    }

    /** Writes the head of an HTTP/2 frame. */
    public Buffer frame(int length, int type, int flags, int stream) {
        return write(length >>> 16).write(length >>> 8).write(length).write(type).write(flags).int32(stream);
    }

    /** Writes a number as protobuf does. */
    public Buffer varint(long v) {
        while ((v & ~0x7fL) != 0) {
            write((int) (v & 0x7f | 0x80));
            v >>>= 7;
        }
        return write((int) v);
    }

    public Buffer number(int field, long v) {
        return v == 0 ? this : varint((long) field << 3).varint(v);
    }

    public Buffer string(int field, String s) {
        return s.isEmpty() ? this : bytes(field, s.getBytes(StandardCharsets.UTF_8));
    }

    public Buffer bytes(int field, byte[] b) {
        return varint((long) field << 3 | 2).varint(b.length).write(b);
    }

    public Buffer message(int field, Buffer b) {
        return varint((long) field << 3 | 2).varint(b.size).write(b.data, 0, b.size);
    }

    public byte[] toBytes() {
        byte[] copy = new byte[size];
        System.arraycopy(data, 0, copy, 0, size);
        return copy;
    }

    private void room(int n) {
        if (data.length - size < n) {
            byte[] bigger = new byte[Math.max(size + n, data.length * 2)];
            System.arraycopy(data, 0, bigger, 0, size);
            data = bigger;
        }
    }
}
