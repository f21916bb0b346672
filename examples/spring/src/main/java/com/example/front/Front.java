package com.example.front;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.client.loadbalancer.LoadBalanced;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.client.RestTemplate;

/** An ordinary Spring Cloud application: it calls the service greeter by its name. Nothing in it is for a mesh. */
@SpringBootApplication
public class Front {
    public static void main(String[] args) {
        SpringApplication.run(Front.class, args);
    }

    @Configuration
    static class Clients {
        @Bean
        @LoadBalanced
        RestTemplate restTemplate() {
            return new RestTemplate();
        }
    }

    @RestController
    static class Pages {
        private final RestTemplate restTemplate;

        Pages(RestTemplate restTemplate) {
            this.restTemplate = restTemplate;
        }

        @GetMapping("/hello")
        String hello() {
            return restTemplate.getForObject("http://greeter/hello", String.class);
        }
    }
}
