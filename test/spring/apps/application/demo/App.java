package demo;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.client.discovery.DiscoveryClient;
import org.springframework.cloud.openfeign.EnableFeignClients;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** A stock application: it depends on nothing of the mesh. It makes the calls that a test asks for, and answers calls. */
@SpringBootApplication
@EnableFeignClients
@RestController
public class App {
    public static void main(String[] args) {
        SpringApplication.run(App.class, args);
    }

    private final Map<String, Caller> callers;
    private final DiscoveryClient discovery;
    private final String version;

    App(List<Caller> callers, DiscoveryClient discovery, @Value("${version:v1}") String version) {
        this.callers = callers.stream().collect(Collectors.toMap(Caller::name, c -> c));
        this.discovery = discovery;
        this.version = version;
    }

    /** Makes calls, and answers what became of each. */
    @PostMapping("/calls")
    List<Outcome> calls(@RequestBody Call call) throws Exception {
        List<Outcome> outcomes = new ArrayList<>();
        if (call.parallel == 1) {
            for (int i = 0; i < call.count; i++) {
                outcomes.add(once(call));
            }
            return outcomes;
        }
        ExecutorService threads = Executors.newFixedThreadPool(call.parallel);
        try {
            List<Future<Outcome>> running = new ArrayList<>();
            for (int i = 0; i < call.count; i++) {
                running.add(threads.submit(() -> once(call)));
            }
            for (Future<Outcome> f : running) {
                outcomes.add(f.get());
            }
        } finally {
            threads.shutdown();
        }
        return outcomes;
    }

    private Outcome once(Call call) {
        Outcome outcome = new Outcome();
        long start = System.nanoTime();
        try {
            callers.get(call.client).call(call, outcome);
        } catch (Exception e) {
            outcome.error = e.toString();
        }
        outcome.millis = (System.nanoTime() - start) / 1e6;
        return outcome;
    }

    /** The instances of a service, as applications read them. */
    @GetMapping("/instances")
    List<String> instances(@RequestParam("service") String service) {
        return discovery.getInstances(service).stream().map(i -> i.getHost() + ":" + i.getPort()).collect(Collectors.toList());
    }

    @GetMapping("/services")
    List<String> services() {
        return discovery.getServices();
    }

    /** What this application provides. */
    @GetMapping("/A")
    Map<String, Object> a(@RequestHeader Map<String, String> headers) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("version", version);
        answer.put("headers", headers);
        return answer;
    }
}
