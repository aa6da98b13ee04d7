//! Whoever sends too much, too slowly or too often costs others nothing.

use std::time::{Duration, Instant};

use crier_tests::sender;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{OTHER_SECRET, Post, now, said_of, send, signed};

/// What a sidecar may have used after all of this.
const MEMORY: u64 = 400 * 1024 * 1024;

async fn connect(url: &str) -> TcpStream {
    TcpStream::connect(url.trim_start_matches("http://")).await.expect("a connection")
}

/// Lets this process have as many files as the system gives it: each connection is one.
fn have_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).expect("the limit of files that the system allows");
}

/// A POST whose body is announced and not sent.
fn head(length: usize) -> Vec<u8> {
    format!(
        "POST /webhooks/tiktok HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
    .into_bytes()
}

async fn status_of(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // the other side may hang up while it is being written to
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).split(' ').nth(1).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn large_slow_and_many_requests_hold_up_nobody() {
    have_many_files();
    let post = Post::new().await;
    let crierd = post.start().await;
    let url = crierd.url().to_owned();
    // ten megabytes, announced or not
    let large = sender::delivery("tiktok", OTHER_SECRET, &"x".repeat(10 * 1024 * 1024), now());
    let call = crier_tests::http::client()
        .post(format!("{url}/webhooks/tiktok"))
        .header("content-type", "application/json");
    let answer = call.body(large.body.clone()).send().await;
    // the connection may be cut before the answer is read: then nothing was taken either
    assert!(answer.as_ref().is_ok_and(|answer| answer.status() == 413) || answer.is_err(), "{answer:?}");
    let mut chunked = connect(&url).await;
    chunked
        .write_all(b"POST /webhooks/tiktok HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
        .await
        .expect("a request");
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
    for _ in 0..200 {
        if chunked.write_all(&chunk).await.is_err() {
            break;
        }
    }
    drop(chunked);
    // slow ones: a head and no end of it, a body and no end of it
    let mut slow = Vec::new();
    for at in 0..100 {
        let mut stream = connect(&url).await;
        let part =
            if at % 2 == 0 { b"POST /webhooks/tiktok HTTP/1.1\r\nhost:".to_vec() } else { head(1_000_000) };
        stream.write_all(&part).await.expect("a part of a request");
        slow.push(stream);
    }
    // and a thousand that say nothing
    let mut silent = Vec::new();
    for _ in 0..1_000 {
        silent.push(connect(&url).await);
    }
    let begun = Instant::now();
    let delivery = signed("slack", &said_of("slack", "acc", 1));
    assert_eq!(send(&crierd, "slack", &delivery).await.status, 200);
    let healthy = crier_tests::http::get(format!("{url}/healthz")).await.expect("an answer");
    assert_eq!(healthy.status().as_u16(), 200);
    assert!(begun.elapsed() < Duration::from_secs(8), "it took {:?} beside slow ones", begun.elapsed());
    post.processed(1).await;
    // those before made room for the others; who is slow and in nobody's way is told so in the end
    drop((slow, silent));
    let mut late = connect(&url).await;
    late.write_all(&head(1_000_000)).await.expect("a part of a request");
    assert_eq!(status_of(late).await, "408");
    let used = crierd.usage().peak_bytes;
    assert!(used < MEMORY, "it has used {used} bytes");
    assert_eq!(post.stored().await, "1|1|1");
}

#[tokio::test]
async fn a_flood_of_forged_ones_reaches_neither_database_nor_log() {
    let post = Post::new().await;
    let crierd = post.start().await;
    let body = said_of("tiktok", "acc", 1);
    let client = crier_tests::http::client();
    for number in 0..300 {
        let forged =
            sender::delivery("tiktok", OTHER_SECRET, &format!("{body}{}", " ".repeat(number)), now());
        let mut call = client.post(format!("{}/webhooks/tiktok", crierd.url())).body(forged.body);
        for (name, value) in &forged.headers {
            call = call.header(name, value);
        }
        assert_eq!(call.send().await.expect("an answer").status().as_u16(), 401);
    }
    assert_eq!(post.stored().await, "0|0|0");
    let log = crierd.log();
    let told = log.lines().filter(|line| line.contains("webhook refused")).count();
    assert!(told < 20, "{told} lines for 300 refusals");
    assert!(!log.contains("user_openid"), "expected nothing of a body in the log");
}
