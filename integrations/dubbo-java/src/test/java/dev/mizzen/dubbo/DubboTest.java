package dev.mizzen.dubbo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Consumers of Dubbo follow a real control plane. */
class DubboTest {
    private static Provider v1, v2;
    @TempDir
    Path temp;

    @BeforeAll
    static void providers() throws Exception {
        v1 = new Provider("v1");
        v2 = new Provider("v2");
    }

    @AfterAll
    static void stop() {
        v1.close();
        v2.close();
    }

    private static String[] objects(String... rules) {
        return new String[] {Plane.service("greeter", v1.endpoint(), v2.endpoint()), Plane.subsets("greeter"), Plane.routes("greeter", rules)};
    }

    @Test
    void followsWeights() throws Exception {
        try (Plane plane = new Plane(temp, objects("route: [{destination: {host: greeter, subset: v1}, weight: 75}, {destination: {host: greeter, subset: v2}, weight: 25}]"));
            MeshConsumer consumer = new MeshConsumer(plane.bootstrap(), "greeter:8080")) {
            int second = 0, calls = 1000;
            for (int i = 0; i < calls; i++) {
                second += consumer.greet("hello").equals("v2") ? 1 : 0;
            }
            // Six standard deviations.
            assertTrue(Math.abs(second - calls / 4) <= 83, second + " of " + calls + " calls, want a quarter");
        }
    }
}
