package dev.mizzen.agent.core.wire;

/**
 * The Huffman code of HPACK, RFC 7541 Appendix B. The code is canonical: the codes of a length are consecutive numbers in the order of their
 * symbols, so the lengths define it.
 */
final class Huffman {
    private static final int SHORTEST = 5, LONGEST = 30, END = 256;
    /** The length of the code of each symbol from 0 to 256, the end of a string: A is 5 bits. */
    private static final String LENGTHS =
        "ISXXXXXXXTZXXZXXXXXXXXZXXXXXXXXXBFFHIBDGFFDGDBBBAAABBBBBBBCDKBHF"
        + "IBCCCCCCCCCCCCCCCCCCCCCCDCDIOIJBKABABABBBACCBBBABCBAABCCCCCKGJIX"
        + "PRPPRRRSRSSSSSTSTTRSTSSSSQRSRSSTRQPRRSSQSRRTQRSSQQRQSRSSPRRRSRRS"
        + "VVPORSRUVVVWWVTUOQVWWVWTQQVVXWWWPTPQRQQSRRUUTTVSVWVVWWWWWXWWWWWV"
        + "Z";
    /** The first code of each length, the number of codes of each length, and where their symbols begin in SYMBOLS. */
    private static final int[] FIRST = new int[LONGEST + 1], COUNT = new int[LONGEST + 1], START = new int[LONGEST + 1];
    private static final short[] SYMBOLS = new short[END + 1];

    static {
        int code = 0, n = 0;
        for (int bits = SHORTEST; bits <= LONGEST; bits++, code <<= 1) {
            FIRST[bits] = code;
            START[bits] = n;
            for (int symbol = 0; symbol <= END; symbol++) {
                if (LENGTHS.charAt(symbol) - 'A' + SHORTEST == bits) {
                    SYMBOLS[n++] = (short) symbol;
                    code++;
                }
            }
            COUNT[bits] = n - START[bits];
        }
    }

    private Huffman() {
    }

    static String decode(byte[] data, int from, int end) {
        StringBuilder text = new StringBuilder((end - from) * 8 / SHORTEST);
        int code = 0, bits = 0;
        for (int at = from; at < end; at++) {
            for (int shift = 7; shift >= 0; shift--) {
                code = code << 1 | data[at] >>> shift & 1;
                if (++bits > LONGEST) {
                    throw new Refused("malformed HPACK: no such Huffman code");
                }
                int index = code - FIRST[bits];
                if (bits >= SHORTEST && index >= 0 && index < COUNT[bits]) {
                    int symbol = SYMBOLS[START[bits] + index];
                    if (symbol == END) {
                        throw new Refused("malformed HPACK: the end of a string within a string");
                    }
                    text.append((char) symbol);
                    code = 0;
                    bits = 0;
                }
            }
        }
        if (bits > 7 || code != (1 << bits) - 1) {
            throw new Refused("malformed HPACK: bad padding of a Huffman code");
        }
        return text.toString();
    }
}
