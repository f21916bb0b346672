package com.example.greeter;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.xds.XdsChannelCredentials;
import java.util.concurrent.TimeUnit;

/**
 * Calls a service once a second over xds:/// and prints who answered.
 *
 * <p>Three things make an ordinary gRPC client a client of the mesh: the dependency grpc-xds, a target that begins with xds:///, and
 * the credentials, which fall back to plaintext where the control plane configures none. Nothing here says where the control plane
 * is: gRPC reads that from GRPC_XDS_BOOTSTRAP_CONFIG.
 */
public final class Client {
  public static void main(String[] args) throws InterruptedException {
    String target = System.getenv().getOrDefault("TARGET", "xds:///greeter");
    ChannelCredentials credentials = XdsChannelCredentials.create(InsecureChannelCredentials.create());
    ManagedChannel channel = Grpc.newChannelBuilder(target, credentials).build();
    GreeterGrpc.GreeterBlockingStub greeter = GreeterGrpc.newBlockingStub(channel);
    while (true) {
      call(greeter);
      TimeUnit.SECONDS.sleep(1);
    }
  }

  /** Prints a failure and goes on: what fails now may be repaired by the next change of the mesh. */
  private static void call(GreeterGrpc.GreeterBlockingStub greeter) {
    try {
      GreetResponse response = greeter.withDeadlineAfter(10, TimeUnit.SECONDS).greet(GreetRequest.getDefaultInstance());
      System.out.printf("answered by %s, version %s%n", response.getServer(), response.getVersion());
    } catch (StatusRuntimeException e) {
      System.out.println("failed: " + e.getStatus());
    }
  }
}
