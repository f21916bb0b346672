package dev.mizzen.agent.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.bridge.Service;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the core may cost: time of each call, and memory. */
class BudgetTest {
    /** Nanoseconds of CPU for a route, a pick and its end. About 130 are used. */
    private static final double ROUTE = 1000;
    /** Bytes of heap with all services followed. About 1,400,000 are used. */
    private static final long HEAP = 2_000_000;
    private static final int SERVICES = 200;

    @TempDir
    Path temp;

    @Test
    void staysWithinItsBudgets() throws Exception {
        Path folder = Files.createDirectory(temp.resolve("mesh"));
        for (int i = 0; i < SERVICES; i++) {
            String name = "go-sc-" + i;
            Fixture.write(folder, name + ".yaml", Fixture.service(name) + "---\n" + Fixture.rule(name, "  - match: [{headers: {x-user: {exact: ann}}}]\n    route: [{destination: {host: " + name
                + ", subset: v2}}]\n  - route: [{destination: {host: " + name + ", subset: v1}, weight: 90}, {destination: {host: " + name + ", subset: v2}, weight: 10}]\n"));
        }
        try (ControlPlane cp = ControlPlane.serve(folder)) {
            long before = heap();
            try (Mesh mesh = Fixture.mesh(cp.xds, "mizzen.wait", "20s")) {
                List<Service> services = new ArrayList<>();
                for (int i = 0; i < SERVICES; i++) {
                    services.add(mesh.service("go-sc-" + i, 80));
                }
                for (Service s : services) {
                    assertEquals(Service.Presence.KNOWN, s.await());
                    Fixture.pick(s, Fixture.get("/"));
                }
                long used = heap() - before;
                assertTrue(used <= HEAP, SERVICES + " services take " + used + " bytes of heap");
                double nanos = nanosOfACall(services.get(0));
                assertTrue(nanos <= ROUTE, "a route, a pick and its end take " + nanos + " ns");
            }
        }
    }

    /** Returns what is reachable, in bytes: the least of several looks, because others allocate, too. */
    private static long heap() throws InterruptedException {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 5; i++) {
            System.gc();
            least = Math.min(least, ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
        }
        return least;
    }

    /** Measures CPU time of this thread, so that other processes do not count, and takes the best of many series. */
    private static double nanosOfACall(Service s) {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        Request request = Fixture.get("/a/b?x=1", "x-user", "bob");
        int n = 100_000;
        long best = Long.MAX_VALUE, ports = 0;
        for (int series = 0; series < 15; series++) {
            long start = threads.getCurrentThreadCpuTime();
            for (int i = 0; i < n; i++) {
                Plan plan = s.plan(request);
                Attempt a = plan.attempt(null);
                ports += a.endpoint().port();
                a.done(200);
            }
            best = Math.min(best, threads.getCurrentThreadCpuTime() - start);
        }
        assertTrue(ports > 0);
        return (double) best / n;
    }
}
