package interop;

import com.google.gson.Gson;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.xds.CsdsService;
import io.grpc.xds.XdsChannelCredentials;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.grpc.client.ChannelCredentialsProvider;
import org.springframework.grpc.client.GrpcChannelFactory;

/**
 * A Spring Boot application whose channels Spring gRPC makes, as docs/clients/spring-grpc.md says; the documentation of package
 * interop says what it reads and writes.
 */
@SpringBootApplication
public class Application {
  record Command(String target, String method, Map<String, String> headers, int count, int parallel, double spacing,
      double timeout) {}

  record Outcome(int code, String text, String body, double ms) {}

  /** Passes the bytes of messages through. */
  private static final MethodDescriptor.Marshaller<byte[]> RAW = new MethodDescriptor.Marshaller<>() {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  };

  public static void main(String[] args) {
    // Standard output is for outcomes.
    SpringApplication application = new SpringApplication(Application.class);
    application.setBannerMode(Banner.Mode.OFF);
    application.setDefaultProperties(Map.of("logging.level.root", "OFF"));
    try (ConfigurableApplicationContext context = application.run(args)) {
      serve(context.getBean(GrpcChannelFactory.class));
      System.exit(0);
    } catch (Throwable e) {
      // The threads of gRPC would keep the process alive.
      e.printStackTrace();
      System.exit(1);
    }
  }

  /** Where the control plane asks for no encryption, calls go out in plain text. */
  @Bean
  ChannelCredentialsProvider credentials() {
    return channel -> XdsChannelCredentials.create(InsecureChannelCredentials.create());
  }

  private static void serve(GrpcChannelFactory factory) throws IOException, InterruptedException {
    // The service tells the state of the xDS client.
    Server server = Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create()).addService(CsdsService.newInstance())
        .build().start();
    System.out.println(server.getPort());
    System.out.flush();
    Gson gson = new Gson();
    Map<String, ManagedChannel> channels = new HashMap<>();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      Command command = gson.fromJson(line, Command.class);
      Channel channel = channels.computeIfAbsent(command.target, factory::createChannel);
      System.out.println(gson.toJson(run(channel, command)));
      System.out.flush();
    }
    server.shutdownNow();
  }

  private static List<Outcome> run(Channel channel, Command command) throws InterruptedException {
    List<Outcome> outcomes = new ArrayList<>();
    while (outcomes.size() < command.count) {
      List<CompletableFuture<Outcome>> calls = new ArrayList<>();
      for (int i = Math.min(command.parallel, command.count - outcomes.size()); i > 0; i--) {
        calls.add(call(channel, command));
        Thread.sleep((long) (command.spacing * 1000));
      }
      calls.forEach(call -> outcomes.add(call.join()));
    }
    return outcomes;
  }

  private static CompletableFuture<Outcome> call(Channel channel, Command command) {
    MethodDescriptor<byte[], byte[]> method = MethodDescriptor.<byte[], byte[]>newBuilder(RAW, RAW)
        .setType(MethodDescriptor.MethodType.UNARY).setFullMethodName(command.method.substring(1)).build();
    Metadata metadata = new Metadata();
    if (command.headers != null) {
      command.headers.forEach((k, v) -> metadata.put(Metadata.Key.of(k, Metadata.ASCII_STRING_MARSHALLER), v));
    }
    CallOptions options = CallOptions.DEFAULT.withDeadlineAfter((long) (command.timeout * 1000), TimeUnit.MILLISECONDS);
    CompletableFuture<Outcome> outcome = new CompletableFuture<>();
    long start = System.nanoTime();
    ClientCall<byte[], byte[]> call = channel.newCall(method, options);
    call.start(new ClientCall.Listener<>() {
      private byte[] body = {};

      @Override
      public void onMessage(byte[] message) {
        body = message;
      }

      @Override
      public void onClose(Status status, Metadata trailers) {
        String text = status.getDescription() == null ? "" : status.getDescription();
        outcome.complete(new Outcome(status.getCode().value(), text, new String(body, StandardCharsets.UTF_8),
            (System.nanoTime() - start) / 1e6));
      }
    }, metadata);
    call.request(1);
    call.sendMessage(new byte[0]);
    call.halfClose();
    return outcome;
  }
}
