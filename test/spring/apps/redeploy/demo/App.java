package demo;

import jakarta.annotation.PreDestroy;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.web.servlet.support.SpringBootServletInitializer;
import org.springframework.cloud.client.loadbalancer.LoadBalanced;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.RestTemplate;
import reactor.core.scheduler.Schedulers;

/** A stock application for a servlet container. */
@SpringBootApplication
@RestController
public class App extends SpringBootServletInitializer {
    private final ApplicationContext context;

    /** Servlet containers need a constructor without arguments. */
    public App() {
        this(null);
    }

    @Autowired
    App(ApplicationContext context) {
        this.context = context;
    }

    public static void main(String[] args) {
        SpringApplication.run(App.class, args);
    }

    @Override
    protected SpringApplicationBuilder configure(SpringApplicationBuilder builder) {
        return builder.sources(App.class);
    }

    @Bean
    @LoadBalanced
    static RestTemplate balanced() {
        return new RestTemplate();
    }

    /** Reactor's threads would keep the class loader, whether there is a mesh or not. */
    @PreDestroy
    void stopThreads() {
        Schedulers.shutdownNow();
    }

    @GetMapping("/call")
    String call(@RequestParam("url") String url) {
        RestTemplate client = context.getBean(RestTemplate.class);
        return client.getForObject(url, String.class);
    }
}
