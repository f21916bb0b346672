import java.lang.ref.WeakReference;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import org.apache.catalina.Context;
import org.apache.catalina.core.ThreadLocalLeakPreventionListener;
import org.apache.catalina.startup.Tomcat;

/** Deploys an application again and again in one Tomcat, calls it each time, and counts the class loaders that stay. */
public class Redeploy {
    public static void main(String[] args) {
        try {
            run(args);
            System.exit(0);
        } catch (Exception e) { // Tomcat's threads would keep the process
            e.printStackTrace();
            System.exit(1);
        }
    }

    private static void run(String[] args) throws Exception {
        String war = args[0];
        int times = Integer.parseInt(args[1]);
        String url = args[2];
        System.setProperty("tomcat.util.scan.StandardJarScanFilter.jarsToSkip", "*.jar");
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(Files.createTempDirectory("tomcat").toString());
        tomcat.setPort(0);
        tomcat.getConnector().setProperty("address", "127.0.0.1");
        tomcat.getServer().addLifecycleListener(new ThreadLocalLeakPreventionListener());
        tomcat.start();
        List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
        int answered = 0;
        for (int i = 0; i < times; i++) {
            answered += apart(() -> once(tomcat, war, url, loaders));
        }
        for (int i = 0; i < 50 && alive(loaders) > 1; i++) {
            System.gc();
            Thread.sleep(100);
        }
        System.out.println("answered=" + answered + " alive=" + alive(loaders));
    }

    /** Runs on a thread of its own, so that thread-local values end with it. */
    private static int apart(Callable<Integer> work) throws Exception {
        FutureTask<Integer> task = new FutureTask<>(work);
        Thread thread = new Thread(task);
        thread.start();
        thread.join();
        return task.get();
    }

    private static int once(Tomcat tomcat, String war, String url, List<WeakReference<ClassLoader>> loaders) throws Exception {
        Context context = tomcat.addWebapp("/app", war);
        loaders.add(new WeakReference<>(context.getLoader().getClassLoader()));
        int answered = 0;
        try (java.io.InputStream in = new URL("http://127.0.0.1:" + tomcat.getConnector().getLocalPort() + "/app/call?url=" + url).openStream()) {
            System.out.println(new String(in.readAllBytes(), StandardCharsets.UTF_8));
            answered = 1;
        } catch (java.io.IOException e) {
            System.out.println(e);
        }
        tomcat.getHost().removeChild(context);
        return answered;
    }

    private static long alive(List<WeakReference<ClassLoader>> loaders) {
        return loaders.stream().filter(l -> l.get() != null).count();
    }
}
