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


def fields(message):
    """Reads the texts of a protobuf message by number; your own application uses the code generated from its service."""
    found, i = {}, 0
    while i + 1 < len(message):
        number, size = message[i] >> 3, message[i + 1]
        found[number] = message[i + 2 : i + 2 + size].decode()
        i += 2 + size
    return found


def main():
    target = os.environ.get("TARGET", "xds:///greeter")
    credentials = grpc.xds_channel_credentials(experimental.insecure_channel_credentials())
    call = grpc.secure_channel(target, credentials).unary_unary("/grpc.testing.TestService/UnaryCall")
    while True:
        try:
            # UnaryCall answers with the version in field 4 and the name of the server in field 6.
            answer = fields(call(b"", timeout=5))
            print(f"answered by {answer.get(6, '')}, version {answer.get(4, '')}", flush=True)
        except grpc.RpcError as error:
            # What fails now may be repaired by the next change of the mesh.
            print(f"failed: {error.code().name}: {error.details()}", flush=True)
        time.sleep(1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main()
