package dev.mizzen.agent.core.route;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.mizzen.agent.core.TestHeaders;
import dev.mizzen.agent.core.TestRequest;
import org.junit.jupiter.api.Test;

/** Where the lane of a call comes from, and how it is carried on. */
class LanesTest {
    private final Lanes lanes = new Lanes("lane", "x-lane", "own");

    private static String edits(Lanes lanes, TestRequest request, String... headers) {
        return TestHeaders.edited(lanes.headers(request), headers).toString();
    }

    @Test
    void theFirstSourceWins() {
        TestRequest all = new TestRequest("GET", "/", "x-lane", "header", "baggage", "a=b,lane=bag");
        lanes.set("thread");
        assertEquals("header", lanes.with(all).header("x-lane"));
        assertEquals("bag", lanes.with(new TestRequest("GET", "/", "baggage", "a=b, lane = bag;p=1")).header("x-lane"));
        assertEquals("adapter", lanes.with(new TestRequest("GET", "/").inLane("adapter")).header("x-lane"));
        assertEquals("thread", lanes.with(new TestRequest("GET", "/")).header("x-lane"));
        assertEquals("thread", lanes.set(null));
        assertEquals("own", lanes.with(new TestRequest("GET", "/")).header("x-lane"));
        assertNull(new Lanes("lane", "x-lane", "").with(new TestRequest("GET", "/")).header("x-lane"));
    }

    @Test
    void addsWhatTheApplicationLacks() {
        assertEquals("{baggage=lane=own, x-lane=own}", edits(lanes, new TestRequest("GET", "/")));
        assertEquals("{baggage=a=b,lane=own, x-lane=own}", edits(lanes, new TestRequest("GET", "/", "baggage", "a=b"), "baggage", "a=b"));
        assertEquals("{baggage=lane=gray}", edits(lanes, new TestRequest("GET", "/", "x-lane", "gray")));
        assertEquals("{x-lane=gray}", edits(lanes, new TestRequest("GET", "/", "baggage", "lane=gray")));
        assertTrue(new Lanes("lane", "x-lane", null).headers(new TestRequest("GET", "/")).isEmpty());
    }

    @Test
    void encodesWhatBaggageCannotHave() {
        Lanes odd = new Lanes("lane", "x-lane", "a b,ü");
        assertEquals("lane=a%20b%2C%C3%BC", odd.with(new TestRequest("GET", "/")).header("baggage"));
        assertEquals("a b,ü", Lanes.member("lane=a%20b%2C%C3%BC", "lane"));
    }
}
