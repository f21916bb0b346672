package dev.mizzen.agent.core.wire;

import java.util.concurrent.ThreadLocalRandom;

/** A share of calls, in millionths: an envoy.type.v3.FractionalPercent. */
public final class Fraction {
    public static final int ALL = 1_000_000;
    private static final int[] DENOMINATORS = {100, 10_000, 1_000_000};

    private Fraction() {
    }

    public static int decode(Reader r) {
        long numerator = 0;
        int denominator = 0;
        for (int f; (f = r.next()) != 0; ) {
            switch (f) {
                case 1: numerator = r.uint32() & 0xffffffffL; break;
                case 2: denominator = r.uint32(); break;
                default: r.skip();
            }
        }
        if (denominator < 0 || denominator >= DENOMINATORS.length) {
            throw new Refused("a percentage has the unknown denominator " + denominator);
        }
        return (int) Math.min(ALL, numerator * (ALL / DENOMINATORS[denominator]));
    }

    /** Reads an envoy.config.core.v3.RuntimeFractionalPercent. There is no runtime, so its default is in effect. */
    public static int decodeRuntime(Reader r) {
        int share = 0;
        for (int f; (f = r.next()) != 0; ) {
            if (f == 1) {
                share = decode(r.message());
            } else {
                r.skip();
            }
        }
        return share;
    }

    public static boolean hit(int share) {
        return share >= ALL || share > 0 && ThreadLocalRandom.current().nextInt(ALL) < share;
    }
}
