import java.lang.ref.WeakReference;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;

/** Deploys an application again and again in one Tomcat, calls it each time, and counts the class loaders that stay. */
public class Redeploy {
    public static void main(String[] args) throws Exception {
        String war = args[0];
        int times = Integer.parseInt(args[1]);
        String url = args[2];
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(Files.createTempDirectory("tomcat").toString());
        tomcat.setPort(0);
        tomcat.getConnector().setProperty("address", "127.0.0.1");
        tomcat.start();
        List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
        int answered = 0;
        for (int i = 0; i < times; i++) {
            answered += once(tomcat, war, url, loaders);
        }
        for (int i = 0; i < 50 && alive(loaders) > 1; i++) {
            System.gc();
            Thread.sleep(100);
        }
        System.out.println("answered=" + answered + " alive=" + alive(loaders));
        System.exit(0);
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
