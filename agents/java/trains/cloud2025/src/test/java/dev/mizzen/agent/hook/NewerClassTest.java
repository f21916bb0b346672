package dev.mizzen.agent.hook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.instrument.ClassFileTransformer;
import org.junit.jupiter.api.Test;

/** Class files of a JDK that the agent does not know yet: they are left alone, and one line says so. */
class NewerClassTest {
    private static final String INTERCEPTOR = "org/springframework/cloud/client/loadbalancer/LoadBalancerInterceptor", POOLS = "java/util/concurrent/";

    private static byte[] bytes(String name, int major) throws IOException {
        try (InputStream in = ClassLoader.getSystemResourceAsStream(name + ".class")) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            byte[] buffer = new byte[8192];
            for (int n; (n = in.read(buffer)) > 0; ) {
                out.write(buffer, 0, n);
            }
            byte[] b = out.toByteArray();
            if (major > 0) {
                b[6] = (byte) (major >> 8);
                b[7] = (byte) major;
            }
            return b;
        }
    }

    private static byte[] transform(ClassFileTransformer weaver, String name, int major) throws Exception {
        ClassLoader loader = name.startsWith("java/") ? null : NewerClassTest.class.getClassLoader();
        return weaver.transform(loader, name, null, null, bytes(name, major));
    }

    @Test
    void leavesClassesOfANewerJdkAlone() throws Exception {
        PrintStream err = System.err;
        ByteArrayOutputStream log = new ByteArrayOutputStream();
        System.setErr(new PrintStream(log, true));
        try {
            assertNotNull(transform(new Weaver(false), INTERCEPTOR, 0));
            ClassFileTransformer lanes = new LaneWeaver();
            assertNotNull(transform(lanes, POOLS + "FutureTask", 0));
            assertEquals("", log.toString());
            assertNull(transform(new Weaver(false), INTERCEPTOR, 99));
            assertTrue(log.toString().startsWith("mizzen: org.springframework.cloud.client.loadbalancer.LoadBalancerInterceptor cannot be hooked: "), log.toString());
            log.reset();
            for (String type : new String[] {"FutureTask", "ForkJoinTask", "ThreadPoolExecutor"}) {
                assertNull(transform(lanes, POOLS + type, 99));
            }
        } finally {
            System.setErr(err);
        }
        assertEquals(1, log.toString().split("\n").length, log.toString());
        assertTrue(log.toString().contains("tasks in thread pools run without a lane"), log.toString());
    }
}
