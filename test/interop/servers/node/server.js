// The xDS server of gRPC for Node; the documentation of package interop says what its address, its answers and its lines are.
'use strict';

const grpc = require('@grpc/grpc-js');
const xds = require('@grpc/grpc-js-xds');

xds.register();

const grace = 5000; // how long a stream may go on after the server was told to end, in milliseconds
const beat = 100; // the time between two messages of a stream, in milliseconds
const healthy = Buffer.from([8, 1]); // SERVING, as the package grpc-health-check writes it; it would add nothing but its classes

// peer is the first name of a URI in the certificate of the caller, or nothing.
function peer(call) {
  const names = call.getAuthContext().sslPeerCertificate?.subjectaltname ?? '';
  return names.split(', ').find((name) => name.startsWith('URI:'))?.slice('URI:'.length) ?? '';
}

function answer(call) {
  return Buffer.from(JSON.stringify({
    backend: process.env.NAME ?? '',
    version: process.env.VERSION ?? '',
    language: 'node',
    peer: peer(call),
    method: call.getPath(),
    header: call.metadata.get('x-echo')[0] ?? '',
  }));
}

// watch answers until the client ends the call.
function watch(call) {
  const message = answer(call);
  call.write(message);
  const beats = setInterval(() => call.write(message), beat);
  call.on('cancelled', () => clearInterval(beats));
  call.on('error', () => clearInterval(beats));
}

const bytes = (b) => b;
const method = (path, responseStream) => ({
  path, requestStream: false, responseStream,
  requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes,
});
const unary = (call, callback) => callback(null, answer(call));

const server = new xds.XdsServer();
// This library has no handler for methods that are not known beforehand.
for (const service of ['interop.Echo', 'interop.Admin']) {
  server.addService(
    { Say: method(`/${service}/Say`, false), Reset: method(`/${service}/Reset`, false), Watch: method(`/${service}/Watch`, true) },
    { Say: unary, Reset: unary, Watch: watch },
  );
}
server.addService({ Check: method('/grpc.health.v1.Health/Check', false) }, { Check: (call, callback) => callback(null, healthy) });

// Where the control plane asks for no encryption, calls are served in plain text.
const credentials = new xds.XdsServerCredentials(grpc.ServerCredentials.createInsecure());
server.bindAsync(process.argv[2], credentials, (error) => {
  if (error) {
    console.error(`server: ${error.message}`);
    process.exit(1);
  }
  console.log('started'); // the library does not tell when it serves
});

process.on('SIGTERM', () => {
  setTimeout(() => process.exit(0), grace).unref();
  server.tryShutdown(() => process.exit(0));
});
