package com.example.greeter;

import io.grpc.InsecureServerCredentials;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.stub.StreamObserver;
import io.grpc.xds.XdsServerBuilder;
import io.grpc.xds.XdsServerCredentials;
import java.io.IOException;
import java.net.InetAddress;
import java.util.concurrent.TimeUnit;

/**
 * Answers with its own name and version.
 *
 * <p>Two things make an ordinary gRPC server a server of the mesh: its builder, and the credentials, which fall back to plaintext
 * where the control plane configures no TLS. Clients find it by its Service and EndpointSlices. It ends as a pod should: it stops
 * taking connections and lets the calls under way finish.
 */
public final class Server {
  /** The service. */
  private static final class Greeter extends GreeterGrpc.GreeterImplBase {
    private final GreetResponse answer;

    Greeter(String name, String version) {
      answer = GreetResponse.newBuilder().setServer(name).setVersion(version).build();
    }

    @Override
    public void greet(GreetRequest request, StreamObserver<GreetResponse> observer) {
      observer.onNext(answer);
      observer.onCompleted();
    }
  }

  public static void main(String[] args) throws IOException, InterruptedException {
    String name = setting("NAME", InetAddress.getLocalHost().getHostName());
    String version = setting("VERSION", "v1");
    int port = Integer.parseInt(setting("PORT", "50051"));
    io.grpc.Server server = XdsServerBuilder.forPort(port, XdsServerCredentials.create(InsecureServerCredentials.create()))
        .addService(new Greeter(name, version))
        .addService(new HealthStatusManager().getHealthService()) // for the readiness probe
        .build()
        .start(); // which returns when the control plane has answered
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      server.shutdown();
      try {
        server.awaitTermination(20, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }));
    System.out.printf("%s, version %s, listens on port %d%n", name, version, server.getPort());
    server.awaitTermination();
  }

  private static String setting(String name, String otherwise) {
    return System.getenv().getOrDefault(name, otherwise);
  }
}
