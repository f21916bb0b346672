"""The client of gRPC for Python; the documentation of package interop says what it reads and writes."""

import json
import sys
import time
from concurrent import futures

import grpc
import grpc.experimental
from grpc._cython import cygrpc


def start(channel, command):
    """Starts one call, and returns it with the time and a place for when it ends."""
    began, ended = time.monotonic(), []
    future = channel.unary_unary(command["method"]).future(
        b"",
        timeout=command["timeout"],
        metadata=tuple((command.get("headers") or {}).items()),
    )
    future.add_done_callback(lambda _: ended.append(time.monotonic()))
    return future, began, ended


def finish(future, began, ended):
    error = future.exception()
    took = (ended[0] if ended else time.monotonic()) - began
    return {
        "code": future.code().value[0],
        "text": future.details() or "",
        "body": "" if error else future.result().decode(),
        "ms": took * 1000,
    }


def run(channel, command):
    outcomes, left = [], command["count"]
    while left > 0:
        batch = min(left, command["parallel"])
        calls = []
        for _ in range(batch):
            calls.append(start(channel, command))
            time.sleep(command["spacing"])
        outcomes += [finish(*call) for call in calls]
        left -= batch
    return outcomes


def serve_status():
    """Starts the service that tells the state of the xDS client, and returns the server and its port.

    The bytes are those that the package grpcio-csds serves; it would add nothing but its classes for them.
    """
    fetch = grpc.unary_unary_rpc_method_handler(lambda request, context: cygrpc.dump_xds_configs())
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
        "envoy.service.status.v3.ClientStatusDiscoveryService", {"FetchClientStatus": fetch}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def main():
    server, port = serve_status()
    print(json.dumps(port), flush=True)
    # Where the control plane asks for no encryption, calls go out in plain text.
    credentials = grpc.xds_channel_credentials(grpc.experimental.insecure_channel_credentials())
    channels = {}
    for line in sys.stdin:
        command = json.loads(line)
        target = command["target"]
        if target not in channels:
            channels[target] = grpc.secure_channel(target, credentials)
        print(json.dumps(run(channels[target], command)), flush=True)
    for channel in channels.values():
        channel.close()
    server.stop(None)


main()
