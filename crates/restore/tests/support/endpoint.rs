//! What the restore asks of SNS and Lambda, on loopback: a topic that takes everything, and an
//! account without functions, but for those that are invoked and answer nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::OnceLock;

const PUBLISHED: &str = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>1</MessageId></PublishResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishResponse>";
const NO_FUNCTION: &str = r#"{"Type":"User","Message":"Function not found"}"#;

/// One for all tests of a process; it ends with it.
pub(crate) fn url() -> String {
    static URL: OnceLock<String> = OnceLock::new();
    let url = URL.get_or_init(|| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A caller that died does not read its answer.
                let _gone = answer(stream);
            }
        });
        url
    });
    url.clone()
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    reader.take(length).read_to_end(&mut Vec::new())?;
    let (status, more, body) = if first.starts_with("POST / ") {
        ("200 OK", "content-type: text/xml", PUBLISHED)
    } else if first.contains("/invocations ") {
        ("202 Accepted", "content-type: application/json", "")
    } else {
        let more = "content-type: application/json\r\nx-amzn-errortype: ResourceNotFoundException";
        ("404 Not Found", more, NO_FUNCTION)
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{more}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}
