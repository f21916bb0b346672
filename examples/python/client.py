"""Calls a service once a second over xds:/// and prints who answered.

Two things make an ordinary gRPC client a client of the mesh: a target that begins with xds:///, and the credentials, which fall
back to plaintext where the control plane configures none. Nothing here says where the control plane is: gRPC reads that from
GRPC_XDS_BOOTSTRAP_CONFIG.
"""

import os
import signal
import sys
import time

import grpc
from grpc import experimental

import greeter_pb2
import greeter_pb2_grpc


def main():
    target = os.environ.get("TARGET", "xds:///greeter")
    credentials = grpc.xds_channel_credentials(experimental.insecure_channel_credentials())
    greeter = greeter_pb2_grpc.GreeterStub(grpc.secure_channel(target, credentials))
    while True:
        try:
            response = greeter.Greet(greeter_pb2.GreetRequest(), timeout=10)
            print(f"answered by {response.server}, version {response.version}", flush=True)
        except grpc.RpcError as error:
            # What fails now may be repaired by the next change of the mesh.
            print(f"failed: {error.code().name}: {error.details()}", flush=True)
        time.sleep(1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main()
