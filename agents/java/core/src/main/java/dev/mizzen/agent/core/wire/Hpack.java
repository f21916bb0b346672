package dev.mizzen.agent.core.wire;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** Decodes HPACK, RFC 7541, with its dynamic table. One instance serves one connection. */
final class Hpack {
    /** The size of the dynamic table; we leave the default in effect. */
    private static final int MAX_TABLE = 4096;
    private static final int ENTRY_OVERHEAD = 32;
    /** The static table, RFC 7541 Appendix A: one entry in each line, a name and perhaps a value. */
    private static final String[] STATIC = (":authority\n:method GET\n:method POST\n:path /\n:path /index.html\n:scheme http\n:scheme https\n:status 200\n:status 204\n"
        + ":status 206\n:status 304\n:status 400\n:status 404\n:status 500\naccept-charset\naccept-encoding gzip, deflate\naccept-language\naccept-ranges\naccept\n"
        + "access-control-allow-origin\nage\nallow\nauthorization\ncache-control\ncontent-disposition\ncontent-encoding\ncontent-language\ncontent-length\n"
        + "content-location\ncontent-range\ncontent-type\ncookie\ndate\netag\nexpect\nexpires\nfrom\nhost\nif-match\nif-modified-since\nif-none-match\nif-range\n"
        + "if-unmodified-since\nlast-modified\nlink\nlocation\nmax-forwards\nproxy-authenticate\nproxy-authorization\nrange\nreferer\nrefresh\nretry-after\nserver\n"
        + "set-cookie\nstrict-transport-security\ntransfer-encoding\nuser-agent\nvary\nvia\nwww-authenticate").split("\n");

    private final int maxList;
    /** The newest entry is first. An entry is a name and a value. */
    private final ArrayDeque<String[]> dynamic = new ArrayDeque<>();
    private int dynamicSize;
    private int tableLimit = MAX_TABLE;
    private byte[] data;
    private int at, end;

    /** @param maxList the largest size of a header list, as SETTINGS_MAX_HEADER_LIST_SIZE counts it */
    Hpack(int maxList) {
        this.maxList = maxList;
    }

    /** Decodes a whole header block: names and values. */
    List<String[]> decode(byte[] block, int from, int to) {
        data = block;
        at = from;
        end = to;
        List<String[]> headers = new ArrayList<>();
        int size = 0;
        while (at < end) {
            int first = data[at] & 0xff;
            if ((first & 0xe0) == 0x20) {
                resize(integer(5));
                continue;
            }
            String[] header;
            if ((first & 0x80) != 0) {
                header = entry(integer(7));
            } else {
                boolean indexed = (first & 0x40) != 0;
                int name = integer(indexed ? 6 : 4);
                header = new String[] {name == 0 ? string() : entry(name)[0], string()};
                if (indexed) {
                    add(header);
                }
            }
            size += sizeOf(header);
            if (size > maxList) {
                throw new Refused("a header list of more than " + maxList + " bytes");
            }
            headers.add(header);
        }
        return headers;
    }

    private static int sizeOf(String[] header) {
        return header[0].length() + header[1].length() + ENTRY_OVERHEAD;
    }

    private void add(String[] header) {
        dynamic.addFirst(header);
        dynamicSize += sizeOf(header);
        evict();
    }

    private void resize(int size) {
        if (size > MAX_TABLE) {
            throw new Refused("malformed HPACK: a table of " + size + " bytes");
        }
        tableLimit = size;
        evict();
    }

    private void evict() {
        while (dynamicSize > tableLimit) {
            dynamicSize -= sizeOf(dynamic.removeLast());
        }
    }

    private String[] entry(int index) {
        if (index > 0 && index <= STATIC.length) {
            String line = STATIC[index - 1];
            int space = line.indexOf(' ');
            return space < 0 ? new String[] {line, ""} : new String[] {line.substring(0, space), line.substring(space + 1)};
        }
        int i = index - STATIC.length - 1;
        if (i < 0 || i >= dynamic.size()) {
            throw new Refused("malformed HPACK: there is no entry " + index);
        }
        Iterator<String[]> entries = dynamic.iterator();
        while (i-- > 0) {
            entries.next();
        }
        return entries.next();
    }

    private String string() {
        if (at == end) {
            throw new Refused("malformed HPACK: it ends before a string");
        }
        boolean huffman = (data[at] & 0x80) != 0;
        int n = integer(7), from = at;
        if (n > end - at) {
            throw new Refused("malformed HPACK: a string of " + n + " bytes, but " + (end - at) + " are left");
        }
        at += n;
        return huffman ? Huffman.decode(data, from, at) : new String(data, from, n, StandardCharsets.ISO_8859_1);
    }

    private int integer(int prefix) {
        int mask = (1 << prefix) - 1;
        int value = data[at++] & mask;
        if (value < mask) {
            return value;
        }
        for (int shift = 0; shift <= 21; shift += 7) {
            if (at == end) {
                throw new Refused("malformed HPACK: it ends within a number");
            }
            int b = data[at++];
            value += (b & 0x7f) << shift;
            if (b >= 0) {
                return value;
            }
        }
        throw new Refused("malformed HPACK: a number is too large");
    }
}
