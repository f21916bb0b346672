package dev.mizzen.agent.core;

import dev.mizzen.agent.bridge.Attempt;
import dev.mizzen.agent.bridge.Mesh;
import dev.mizzen.agent.bridge.Plan;
import dev.mizzen.agent.bridge.Request;
import dev.mizzen.agent.bridge.Service;
import java.lang.management.ManagementFactory;

/**
 * Measures the core. With the argument "start": classes loaded and CPU used until the first service is known, and the CPU of Core.start alone. Else:
 * nanoseconds of a route, a pick and its end. The bootstrap is in the environment, the service is the system property service.
 */
public final class Benchmark {
    private Benchmark() {
    }

    public static void main(String[] args) throws Exception {
        int classes = ManagementFactory.getClassLoadingMXBean().getLoadedClassCount();
        com.sun.management.OperatingSystemMXBean os = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long cpu = os.getProcessCpuTime();
        Mesh mesh = Core.start(Config.read(System.getenv(), System.getProperties()));
        long premain = os.getProcessCpuTime() - cpu;
        Service s = mesh.service(System.getProperty("service", "go-sc-a"), 0);
        Service.Presence presence = s.await();
        long whole = os.getProcessCpuTime() - cpu;
        System.out.printf("%s; classes %d; CPU of Core.start %.1f ms, until the service is known %.1f ms%n", presence,
            ManagementFactory.getClassLoadingMXBean().getLoadedClassCount() - classes, premain / 1e6, whole / 1e6);
        if (args.length == 0) {
            Request request = Fixture.get("/a/b?x=1", "x-user", "u1");
            int hosts = 0;
            for (int series = 0; series < 8; series++) {
                int n = 2_000_000;
                long start = System.nanoTime();
                for (int i = 0; i < n; i++) {
                    Plan plan = s.plan(request);
                    Attempt a = plan.attempt(null);
                    hosts += a.endpoint().port();
                    a.done(200);
                }
                System.out.printf("%.0f ns for a route, a pick and its end%n", (System.nanoTime() - start) / (double) n);
            }
            System.out.println(hosts == 0 ? "?" : "");
        }
        mesh.close();
    }
}
