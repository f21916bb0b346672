//! The client with tonic-xds. The documentation of package interop says what it reads and writes.

use std::collections::HashMap;
use std::error::Error;
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::task::{LocalSet, spawn_local};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{MetadataKey, MetadataMap};
use tonic::{Code, Request, Status};
use tonic_xds::{BootstrapConfig, XdsChannelBuilder, XdsChannelConfig, XdsChannelGrpc, XdsUri};

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Deserialize)]
struct Command {
    target: String,
    method: String,
    #[serde(default)]
    headers: HashMap<String, String>,
    count: usize,
    parallel: usize,
    spacing: f64,
    timeout: f64,
}

#[derive(Serialize)]
struct Outcome {
    code: i32,
    text: String,
    body: String,
    ms: f64,
}

/// Passes the bytes of messages through.
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    // The futures of calls are not proven to be Send, so they stay on one thread.
    LocalSet::new().run_until(serve()).await
}

async fn serve() -> Result<(), Failure> {
    // tonic-xds does not serve CSDS.
    println!("0");
    let bootstrap = bootstrap(&std::env::var("GRPC_XDS_BOOTSTRAP_CONFIG")?)?;
    let mut channels = HashMap::new();
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let command: Command = serde_json::from_str(&line)?;
        if !channels.contains_key(&command.target) {
            let config = XdsChannelConfig::new(XdsUri::parse(&command.target)?);
            let builder = XdsChannelBuilder::new(config.with_bootstrap(bootstrap.clone()));
            channels.insert(command.target.clone(), builder.build_grpc_channel()?);
        }
        let outcomes = run(&channels[&command.target], &command).await?;
        println!("{}", serde_json::to_string(&outcomes)?);
    }
    Ok(())
}

/// Makes a URL of the address of a control plane, as `controlplane bootstrap --for rust` does.
fn bootstrap(text: &str) -> Result<BootstrapConfig, Failure> {
    let mut config: serde_json::Value = serde_json::from_str(text)?;
    let uri = &mut config["xds_servers"][0]["server_uri"];
    if let Some(address) = uri.as_str().filter(|address| !address.contains("://")) {
        *uri = format!("http://{address}").into();
    }
    Ok(BootstrapConfig::from_json(&config.to_string())?)
}

async fn run(channel: &XdsChannelGrpc, command: &Command) -> Result<Vec<Outcome>, Failure> {
    let mut outcomes = Vec::new();
    while outcomes.len() < command.count {
        let mut calls = Vec::new();
        for _ in 0..command.parallel.min(command.count - outcomes.len()) {
            calls.push(spawn_local(call(
                channel.clone(),
                request(command)?,
                PathAndQuery::try_from(command.method.as_str())?,
                Duration::from_secs_f64(command.timeout),
            )));
            tokio::time::sleep(Duration::from_secs_f64(command.spacing)).await;
        }
        for call in calls {
            outcomes.push(call.await?);
        }
    }
    Ok(outcomes)
}

fn request(command: &Command) -> Result<Request<Bytes>, Failure> {
    let mut headers = MetadataMap::new();
    for (name, value) in &command.headers {
        headers.insert(MetadataKey::from_bytes(name.as_bytes())?, value.parse()?);
    }
    let mut request = Request::new(Bytes::new());
    *request.metadata_mut() = headers;
    request.set_timeout(Duration::from_secs_f64(command.timeout));
    Ok(request)
}

async fn call(
    channel: XdsChannelGrpc,
    request: Request<Bytes>,
    path: PathAndQuery,
    limit: Duration,
) -> Outcome {
    let start = Instant::now();
    // The timeout of a request is a header for the server: a call that waits for resources does not end by it.
    let result = tokio::time::timeout(limit, async {
        let mut client = Grpc::new(channel);
        // So does the code that tonic generates.
        let ready = client.ready().await;
        ready.map_err(|e| Status::unknown(format!("Service was not ready: {e}")))?;
        client.unary(request, path, Raw).await
    });
    let status = |code: Code, text: &str, body: &[u8]| Outcome {
        code: code as i32,
        text: text.to_owned(),
        body: String::from_utf8_lossy(body).into_owned(),
        ms: start.elapsed().as_secs_f64() * 1000.0,
    };
    match result.await {
        Ok(Ok(response)) => status(Code::Ok, "", response.get_ref()),
        Ok(Err(failure)) => status(failure.code(), failure.message(), &[]),
        Err(_) => status(
            Code::DeadlineExceeded,
            "the call took longer than its timeout",
            &[],
        ),
    }
}
