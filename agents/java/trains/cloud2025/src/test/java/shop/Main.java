package shop;

import java.lang.management.ManagementFactory;

/** A process with the agent: it says what the agent cost before main, and calls a service that is nowhere. */
public final class Main {
    public static void main(String[] args) {
        long cpu = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        int classes = ManagementFactory.getClassLoadingMXBean().getLoadedClassCount();
        System.out.println("cpu=" + cpu + " classes=" + classes);
        if (args.length > 0) {
            System.out.println(new Clients().apply(args[0], "http://orders/a").get("error"));
        }
    }
}
