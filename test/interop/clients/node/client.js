// The client of gRPC for Node; the documentation of package interop says what it reads and writes.
'use strict';

const readline = require('node:readline');
const { setTimeout: sleep } = require('node:timers/promises');
const grpc = require('@grpc/grpc-js');

const xds = require('@grpc/grpc-js-xds');

xds.register();

// Where the control plane asks for no encryption, calls go out in plain text. Before 1.11 there was nothing else.
const plain = grpc.credentials.createInsecure();
const credentials = xds.XdsChannelCredentials ? new xds.XdsChannelCredentials(plain) : plain;

const channels = new Map();

function channel(target) {
  if (!channels.has(target)) {
    channels.set(target, new grpc.Client(target, credentials));
  }
  return channels.get(target);
}

function call(command) {
  return new Promise((resolve) => {
    const metadata = new grpc.Metadata();
    for (const [key, value] of Object.entries(command.headers ?? {})) {
      metadata.set(key, value);
    }
    const bytes = (b) => b;
    const start = performance.now();
    channel(command.target).makeUnaryRequest(
      command.method, bytes, bytes, Buffer.alloc(0), metadata,
      { deadline: Date.now() + command.timeout * 1000 },
      (err, body) => resolve({
        code: err ? err.code : grpc.status.OK,
        text: err ? err.details : '',
        body: err ? '' : body.toString(),
        ms: performance.now() - start,
      }),
    );
  });
}

// serveStatus starts the service that tells the state of the xDS client, and returns its port.
function serveStatus() {
  const server = new grpc.Server();
  grpc.addAdminServicesToServer(server);
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (err, port) => (err ? reject(err) : resolve(port)));
  });
}

async function main() {
  process.stdout.write(JSON.stringify(await serveStatus()) + '\n');
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    const outcomes = [];
    while (outcomes.length < command.count) {
      const calls = [];
      for (let i = Math.min(command.parallel, command.count - outcomes.length); i > 0; i--) {
        calls.push(call(command));
        if (command.spacing > 0) {
          await sleep(command.spacing * 1000);
        }
      }
      outcomes.push(...await Promise.all(calls));
    }
    process.stdout.write(JSON.stringify(outcomes) + '\n');
  }
  channels.forEach((c) => c.close());
  process.exit(0);
}

main();
