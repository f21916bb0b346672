package dev.mizzen.agent.core.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** HPACK by the examples of RFC 7541, Appendix C. */
class HpackTest {
    private static byte[] hex(String s) {
        String digits = s.replace(" ", "");
        byte[] b = new byte[digits.length() / 2];
        for (int i = 0; i < b.length; i++) {
            b[i] = (byte) Integer.parseInt(digits.substring(2 * i, 2 * i + 2), 16);
        }
        return b;
    }

    private static String decode(Hpack hpack, String block) {
        byte[] b = hex(block);
        List<String> lines = new ArrayList<>();
        for (String[] h : hpack.decode(b, 0, b.length)) {
            lines.add(h[0] + ": " + h[1]);
        }
        return String.join("\n", lines);
    }

    /** C.4: requests with Huffman codes, which use the dynamic table of the ones before. */
    @Test
    void decodesRequestsWithHuffmanCodes() {
        Hpack hpack = new Hpack(1 << 16);
        String common = ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com";
        assertEquals(common, decode(hpack, "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"));
        assertEquals(common + "\ncache-control: no-cache", decode(hpack, "8286 84be 5886 a8eb 1064 9cbf"));
        assertEquals(":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\ncustom-key: custom-value",
            decode(hpack, "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"));
    }

    /** C.3: the same without Huffman codes. */
    @Test
    void decodesRequestsWithoutHuffmanCodes() {
        Hpack hpack = new Hpack(1 << 16);
        assertEquals(":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com", decode(hpack, "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d"));
        assertEquals(":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\ncache-control: no-cache", decode(hpack, "8286 84be 5808 6e6f 2d63 6163 6865"));
    }

    @Test
    void shrinksItsTable() {
        Hpack hpack = new Hpack(1 << 16);
        decode(hpack, "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572");
        assertEquals("custom-key: custom-header", decode(hpack, "be"));
        assertEquals(":method: GET", decode(hpack, "2082"));
        assertThrows(Refused.class, () -> decode(hpack, "be"), "the entry was evicted");
    }

    @Test
    void refusesWhatIsMalformed() {
        for (String bad : new String[] {"80", "ff", "ffffffffff7f", "be", "40", "4001", "3fffff7f", "0f", "008161", "0082ffff00", "0084ffffffff00"}) {
            assertThrows(Refused.class, () -> decode(new Hpack(1 << 16), bad), bad);
        }
        StringBuilder many = new StringBuilder();
        for (int i = 0; i < 100; i++) {
            many.append("82");
        }
        assertThrows(Refused.class, () -> decode(new Hpack(1000), many.toString()), "the list is too large");
    }

    @Test
    void survivesNoise() {
        Random random = new Random(5);
        int refused = 0;
        for (int i = 0; i < 100_000; i++) {
            byte[] b = new byte[random.nextInt(30)];
            random.nextBytes(b);
            try {
                new Hpack(4096).decode(b, 0, b.length);
            } catch (Refused e) {
                refused++;
            }
        }
        assertEquals(true, refused > 10_000);
    }

    @Test
    void saysWhyACallEnded() {
        assertEquals("PERMISSION_DENIED: no token, für wen", Status.describe("7", "no token, f%C3%BCr wen"));
        assertEquals("UNAVAILABLE", Status.describe("14", ""));
        assertEquals("99: 100%", Status.describe("99", "100%"));
    }
}
