package interop;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import com.linecorp.armeria.client.HttpPreprocessor;
import com.linecorp.armeria.client.grpc.GrpcClientStubFactory;
import com.linecorp.armeria.client.grpc.GrpcClients;
import com.linecorp.armeria.xds.XdsBootstrap;
import com.linecorp.armeria.xds.client.endpoint.XdsHttpPreprocessor;
import io.envoyproxy.envoy.config.bootstrap.v3.Bootstrap;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
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

/**
 * A gRPC client of Armeria, whose calls go where its xDS says, as docs/clients/armeria.md says; the documentation of package interop
 * says what it reads and writes.
 */
public final class Client {
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

  /** Takes the place of a generated class with one method. Its stub is the channel itself. */
  private record Stub(MethodDescriptor<byte[], byte[]> method) implements GrpcClientStubFactory {
    @Override
    public ServiceDescriptor findServiceDescriptor(Class<?> clientType) {
      return ServiceDescriptor.newBuilder(method.getServiceName()).addMethod(method).build();
    }

    @Override
    public Object newClientStub(Class<?> clientType, Channel channel) {
      return channel;
    }
  }

  /** Where a Listener has its calls go, and a channel for each method that was called there. */
  private record Target(HttpPreprocessor preprocessor, Map<String, Channel> channels) {
    Channel channel(MethodDescriptor<byte[], byte[]> method) {
      return channels.computeIfAbsent(method.getFullMethodName(),
          name -> GrpcClients.builder(preprocessor).clientStubFactory(new Stub(method)).build(Channel.class));
    }
  }

  public static void main(String[] args) {
    try {
      serve();
      System.exit(0);
    } catch (Throwable e) {
      // The threads of Armeria would keep the process alive.
      e.printStackTrace();
      System.exit(1);
    }
  }

  private static void serve() throws IOException, InterruptedException {
    // Armeria does not serve CSDS.
    System.out.println(0);
    System.out.flush();
    XdsBootstrap xds = XdsBootstrap.of(bootstrap(System.getenv("GRPC_XDS_BOOTSTRAP_CONFIG")));
    Gson gson = new Gson();
    Map<String, Target> targets = new HashMap<>();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      Command command = gson.fromJson(line, Command.class);
      Target target = targets.computeIfAbsent(command.target.substring("xds:///".length()),
          name -> new Target(XdsHttpPreprocessor.ofListener(name, xds), new HashMap<>()));
      System.out.println(gson.toJson(run(target, command)));
      System.out.flush();
    }
  }

  /** The bootstrap of gRPC in the form of Envoy. */
  private static Bootstrap bootstrap(String text) throws InvalidProtocolBufferException {
    JsonObject grpc = JsonParser.parseString(text).getAsJsonObject();
    String uri = grpc.getAsJsonArray("xds_servers").get(0).getAsJsonObject().get("server_uri").getAsString();
    int colon = uri.lastIndexOf(':');
    Bootstrap.Builder builder = Bootstrap.newBuilder();
    JsonFormat.parser().merge("""
        {"node": %s,
         "dynamic_resources": {
           "ads_config": {"api_type": "GRPC", "transport_api_version": "V3", "grpc_services": [{"envoy_grpc": {"cluster_name": "mizzen"}}]},
           "cds_config": {"ads": {}}, "lds_config": {"ads": {}}},
         "static_resources": {"clusters": [{"name": "mizzen", "type": "STATIC", "load_assignment": {"cluster_name": "mizzen", "endpoints": [
           {"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": "%s", "port_value": %s}}}}]}]}}]}}
        """.formatted(grpc.get("node"), uri.substring(0, colon), uri.substring(colon + 1)), builder);
    return builder.build();
  }

  private static List<Outcome> run(Target target, Command command) throws InterruptedException {
    List<Outcome> outcomes = new ArrayList<>();
    while (outcomes.size() < command.count) {
      List<CompletableFuture<Outcome>> calls = new ArrayList<>();
      for (int i = Math.min(command.parallel, command.count - outcomes.size()); i > 0; i--) {
        calls.add(call(target, command));
        Thread.sleep((long) (command.spacing * 1000));
      }
      calls.forEach(call -> outcomes.add(call.join()));
    }
    return outcomes;
  }

  private static CompletableFuture<Outcome> call(Target target, Command command) {
    MethodDescriptor<byte[], byte[]> method = MethodDescriptor.<byte[], byte[]>newBuilder(RAW, RAW)
        .setType(MethodDescriptor.MethodType.UNARY).setFullMethodName(command.method.substring(1)).build();
    Metadata metadata = new Metadata();
    if (command.headers != null) {
      command.headers.forEach((k, v) -> metadata.put(Metadata.Key.of(k, Metadata.ASCII_STRING_MARSHALLER), v));
    }
    CallOptions options = CallOptions.DEFAULT.withDeadlineAfter((long) (command.timeout * 1000), TimeUnit.MILLISECONDS);
    CompletableFuture<Outcome> outcome = new CompletableFuture<>();
    long start = System.nanoTime();
    ClientCall<byte[], byte[]> call = target.channel(method).newCall(method, options);
    call.start(new ClientCall.Listener<>() {
      private byte[] body = {};

      @Override
      public void onMessage(byte[] message) {
        body = message;
      }

      @Override
      public void onClose(Status status, Metadata trailers) {
        // Where Armeria chooses no endpoint, the reason is the cause.
        String text = status.getDescription() != null ? status.getDescription() : String.valueOf(status.getCause());
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
